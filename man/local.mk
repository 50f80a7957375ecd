dist_man_MANS += \
	%D%/vf-assign.1 \
	%D%/vf-attempt.1 \
	%D%/vf-audit.1 \
	%D%/vf-avro.1 \
	%D%/vf-codegen.1 \
	%D%/vf-draw.1 \
	%D%/vf-email.1 \
	%D%/vf-events.1 \
	%D%/vf-filter.1 \
	%D%/vf-kinesis.1 \
	%D%/vf-merge.1 \
	%D%/vf-records.5 \
	%D%/vf-score.1 \
	%D%/vf-seed.1 \
	%D%/vf-sfmc.1 \
	%D%/vf-slack.1 \
	%D%/vf-sms.1 \
	%D%/vf-sqs.1 \
	%D%/vf-tally.1 \
	%D%/vf-wave.1 \
	%D%/vf.7
