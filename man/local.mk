dist_man_MANS += \
	%D%/vf-filter.1 \
	%D%/vf-records.5 \
	%D%/vf-score.1 \
	%D%/vf-tally.1 \
	%D%/vf.7
