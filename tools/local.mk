# What every tool is made with: the frame, and the libraries of the base and record floors.
frame_sources = %D%/frame.c %D%/frame.h %D%/frame-impl.h %D%/frame-options.c %D%/frame-report.c
frame_libs = libvf.a $(CSV_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS)

bin_PROGRAMS += tools/vf-filter
tools_vf_filter_SOURCES = %D%/vf-filter.c %D%/lists.c %D%/lists.h %D%/ledger-file.h $(frame_sources)
tools_vf_filter_LDADD = $(frame_libs) $(IDN2_LIBS)

bin_PROGRAMS += tools/vf-score
tools_vf_score_SOURCES = %D%/vf-score.c $(frame_sources)
tools_vf_score_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-tally
tools_vf_tally_SOURCES = %D%/vf-tally.c $(frame_sources)
tools_vf_tally_LDADD = $(frame_libs)
