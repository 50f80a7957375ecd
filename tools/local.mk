# What every tool is made with: the frame, and the libraries of the base and record floors.
frame_sources = %D%/frame.c %D%/frame.h %D%/frame-impl.h %D%/frame-inputs.c %D%/frame-options.c %D%/frame-outputs.c \
	%D%/frame-rejects.c %D%/frame-report.c %D%/frame-signals.c
frame_libs = libvf.a $(CSV_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS)

# Of the tools that draw.
drawing_sources = %D%/drawing.c %D%/drawing.h %D%/drawing-limits.c

bin_PROGRAMS += tools/vf-assign
tools_vf_assign_SOURCES = %D%/vf-assign.c %D%/assign.h %D%/assign-codes.c %D%/ledger-file.c %D%/ledger-file.h $(frame_sources)
tools_vf_assign_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-attempt
tools_vf_attempt_SOURCES = %D%/vf-attempt.c %D%/attempt.h %D%/attempt-tries.c %D%/child.c %D%/child.h $(frame_sources)
tools_vf_attempt_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-audit
tools_vf_audit_SOURCES = %D%/vf-audit.c %D%/audit.h %D%/audit-result.c $(drawing_sources) $(frame_sources)
tools_vf_audit_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-avro
tools_vf_avro_SOURCES = %D%/vf-avro.c %D%/avro-read.c %D%/avro-read.h $(frame_sources)
tools_vf_avro_LDADD = $(frame_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)

bin_PROGRAMS += tools/vf-codegen
tools_vf_codegen_SOURCES = %D%/vf-codegen.c %D%/ledger-file.h $(frame_sources)
tools_vf_codegen_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-draw
tools_vf_draw_SOURCES = %D%/vf-draw.c $(drawing_sources) $(frame_sources)
tools_vf_draw_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-email
tools_vf_email_SOURCES = %D%/vf-email.c %D%/recipients.c %D%/recipients.h %D%/lists.c %D%/lists.h %D%/ledger-file.h \
	$(frame_sources)
tools_vf_email_LDADD = $(frame_libs) $(IDN2_LIBS)

bin_PROGRAMS += tools/vf-events
tools_vf_events_SOURCES = %D%/vf-events.c $(frame_sources)
tools_vf_events_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-filter
tools_vf_filter_SOURCES = %D%/vf-filter.c %D%/filter.h %D%/filter-lists.c %D%/lists.c %D%/lists.h %D%/ledger-file.h $(frame_sources)
tools_vf_filter_LDADD = $(frame_libs) $(IDN2_LIBS)

bin_PROGRAMS += tools/vf-kinesis
tools_vf_kinesis_SOURCES = %D%/vf-kinesis.c %D%/kinesis.h %D%/kinesis-read.c $(frame_sources)
tools_vf_kinesis_LDADD = $(frame_libs) $(CURL_LIBS)

bin_PROGRAMS += tools/vf-merge
tools_vf_merge_SOURCES = %D%/vf-merge.c $(frame_sources)
tools_vf_merge_LDADD = $(frame_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)

bin_PROGRAMS += tools/vf-score
tools_vf_score_SOURCES = %D%/vf-score.c $(frame_sources)
tools_vf_score_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-seed
tools_vf_seed_SOURCES = %D%/vf-seed.c $(drawing_sources) $(frame_sources)
tools_vf_seed_LDADD = $(frame_libs)

bin_PROGRAMS += tools/vf-sfmc
tools_vf_sfmc_SOURCES = %D%/vf-sfmc.c %D%/sfmc.h %D%/sfmc-jobs.c %D%/sfmc-results.c %D%/sfmc-token.c %D%/sfmc-token.h $(frame_sources)
tools_vf_sfmc_LDADD = $(frame_libs) $(CURL_LIBS)

bin_PROGRAMS += tools/vf-slack
tools_vf_slack_SOURCES = %D%/vf-slack.c $(frame_sources)
tools_vf_slack_LDADD = $(frame_libs) $(CURL_LIBS)

bin_PROGRAMS += tools/vf-sms
tools_vf_sms_SOURCES = %D%/vf-sms.c %D%/sms.h %D%/sms-records.c %D%/sms-results.c %D%/service.c %D%/service.h \
	%D%/recipients.c %D%/recipients.h %D%/lists.c %D%/lists.h %D%/ledger-file.h $(frame_sources)
tools_vf_sms_LDADD = $(frame_libs) $(IDN2_LIBS) $(CURL_LIBS)

bin_PROGRAMS += tools/vf-sqs
tools_vf_sqs_SOURCES = %D%/vf-sqs.c %D%/sqs.h %D%/sqs-batch.c %D%/sqs-lines.c %D%/sqs-receive.c %D%/service.c \
	%D%/service.h $(frame_sources)
tools_vf_sqs_LDADD = $(frame_libs) $(CURL_LIBS)

bin_PROGRAMS += tools/vf-tally
tools_vf_tally_SOURCES = %D%/vf-tally.c %D%/tally.h %D%/tally-html.c %D%/tally-html.h %D%/tally-html-cells.c \
	%D%/tally-html-delivery.c %D%/tally-html-steps.c %D%/tally-html-style.c %D%/tally-json.c %D%/tally-plot.c \
	%D%/tally-table.c $(frame_sources)
tools_vf_tally_LDADD = $(frame_libs) -lm

bin_PROGRAMS += tools/vf-wave
tools_vf_wave_SOURCES = %D%/vf-wave.c %D%/folder.c %D%/folder.h $(frame_sources)
tools_vf_wave_LDADD = $(frame_libs)
