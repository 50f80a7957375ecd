# make check: unit programs, fuzz targets over their corpus, and the tools' bats files; each case is counted through TAP.
TEST_EXTENSIONS = .bats
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
BATS_LOG_DRIVER = $(LOG_DRIVER)
BATS_LOG_COMPILER = $(BATS)
AM_BATS_LOG_FLAGS = --tap $(BATS_TAGS)
# Tests that take long have that tag: they are check-long's, wherever they stand.
BATS_TAGS = --filter-tags '!long'
AM_TESTS_ENVIRONMENT = \
	VF_SRCDIR='$(abs_top_srcdir)' VF_BINDIR='$(abs_top_builddir)/tools' VF_BUILDDIR='$(abs_top_builddir)' \
	VF_DATADIR='$(abs_top_srcdir)/data' PYTHON3='$(PYTHON3)' \
	ASAN_OPTIONS="$${ASAN_OPTIONS:-exitcode=99}"; \
	export VF_SRCDIR VF_BINDIR VF_BUILDDIR VF_DATADIR PYTHON3 ASAN_OPTIONS;

test_libs = libvf.a $(CSV_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS) $(IDN2_LIBS)
net_libs = $(test_libs) $(CURL_LIBS)
unit_tests =
# These mostly wait, meanwhile others work.
waiting_tests = tests/unit/test-sender tests/unit/test-aws
# Those that take longest come first, so that none is left alone at the end.
bats_tests = \
	%D%/vf-merge.bats \
	%D%/vf-audit.bats \
	%D%/vf-assign.bats \
	%D%/edges.bats \
	%D%/vf-attempt.bats \
	%D%/vf-filter.bats \
	%D%/vf-wave.bats \
	%D%/vf-draw.bats \
	%D%/recount.bats \
	%D%/vf-tally.bats \
	%D%/vf-avro.bats \
	%D%/vf-codegen.bats \
	%D%/vf-email.bats \
	%D%/vf-events.bats \
	%D%/vf-score.bats \
	%D%/vf-seed.bats
TESTS = $(waiting_tests) $(bats_tests) $(unit_tests)

# One small program a module.
unit_tests += tests/unit/test-aside
tests_unit_test_aside_SOURCES = %D%/unit/test-aside.c %D%/unit/tap.h
tests_unit_test_aside_LDADD = $(test_libs)
unit_tests += tests/unit/test-audit
tests_unit_test_audit_SOURCES = %D%/unit/test-audit.c %D%/unit/tap.h
tests_unit_test_audit_LDADD = $(test_libs)
unit_tests += tests/unit/test-avro
tests_unit_test_avro_SOURCES = %D%/unit/test-avro.c %D%/unit/tap.h
tests_unit_test_avro_LDADD = $(test_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)
tests_unit_test_aws_SOURCES = %D%/unit/test-aws.c %D%/unit/server.h %D%/unit/tap.h
tests_unit_test_aws_LDADD = $(net_libs)
unit_tests += tests/unit/test-aws-answer
tests_unit_test_aws_answer_SOURCES = %D%/unit/test-aws-answer.c %D%/unit/tap.h
tests_unit_test_aws_answer_LDADD = $(test_libs)
unit_tests += tests/unit/test-buf
tests_unit_test_buf_SOURCES = %D%/unit/test-buf.c %D%/unit/tap.h
tests_unit_test_buf_LDADD = $(test_libs)
unit_tests += tests/unit/test-campaign
tests_unit_test_campaign_SOURCES = %D%/unit/test-campaign.c %D%/unit/tap.h
tests_unit_test_campaign_LDADD = $(test_libs)
unit_tests += tests/unit/test-codec
tests_unit_test_codec_SOURCES = %D%/unit/test-codec.c %D%/unit/tap.h
tests_unit_test_codec_LDADD = $(test_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)
unit_tests += tests/unit/test-codes
tests_unit_test_codes_SOURCES = %D%/unit/test-codes.c %D%/unit/tap.h
tests_unit_test_codes_LDADD = $(test_libs)
unit_tests += tests/unit/test-container
tests_unit_test_container_SOURCES = %D%/unit/test-container.c %D%/unit/tap.h
tests_unit_test_container_LDADD = $(test_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)
unit_tests += tests/unit/test-csv
tests_unit_test_csv_SOURCES = %D%/unit/test-csv.c %D%/unit/tap.h
tests_unit_test_csv_LDADD = $(test_libs)
unit_tests += tests/unit/test-date
tests_unit_test_date_SOURCES = %D%/unit/test-date.c %D%/unit/tap.h
tests_unit_test_date_LDADD = $(test_libs)
unit_tests += tests/unit/test-delivery
tests_unit_test_delivery_SOURCES = %D%/unit/test-delivery.c %D%/unit/tap.h
tests_unit_test_delivery_LDADD = $(test_libs)
unit_tests += tests/unit/test-digester
tests_unit_test_digester_SOURCES = %D%/unit/test-digester.c %D%/unit/tap.h
tests_unit_test_digester_LDADD = $(test_libs)
unit_tests += tests/unit/test-domains
tests_unit_test_domains_SOURCES = %D%/unit/test-domains.c %D%/unit/tap.h
tests_unit_test_domains_LDADD = $(test_libs)
unit_tests += tests/unit/test-draw
tests_unit_test_draw_SOURCES = %D%/unit/test-draw.c %D%/unit/tap.h
tests_unit_test_draw_LDADD = $(test_libs)
unit_tests += tests/unit/test-eligible
tests_unit_test_eligible_SOURCES = %D%/unit/test-eligible.c %D%/unit/tap.h
tests_unit_test_eligible_LDADD = $(test_libs)
unit_tests += tests/unit/test-email
tests_unit_test_email_SOURCES = %D%/unit/test-email.c %D%/unit/tap.h
tests_unit_test_email_LDADD = $(test_libs)
unit_tests += tests/unit/test-encode
tests_unit_test_encode_SOURCES = %D%/unit/test-encode.c %D%/unit/tap.h
tests_unit_test_encode_LDADD = $(test_libs)
unit_tests += tests/unit/test-fan
tests_unit_test_fan_SOURCES = %D%/unit/test-fan.c %D%/unit/tap.h
tests_unit_test_fan_LDADD = $(test_libs)
unit_tests += tests/unit/test-file
tests_unit_test_file_SOURCES = %D%/unit/test-file.c %D%/unit/tap.h
tests_unit_test_file_LDADD = $(test_libs)
unit_tests += tests/unit/test-hash
tests_unit_test_hash_SOURCES = %D%/unit/test-hash.c %D%/unit/tap.h
tests_unit_test_hash_LDADD = $(test_libs)
unit_tests += tests/unit/test-http
tests_unit_test_http_SOURCES = %D%/unit/test-http.c %D%/unit/server.h %D%/unit/tap.h
tests_unit_test_http_LDADD = $(net_libs)
unit_tests += tests/unit/test-journal
tests_unit_test_journal_SOURCES = %D%/unit/test-journal.c %D%/unit/tap.h
tests_unit_test_journal_LDADD = $(test_libs)
unit_tests += tests/unit/test-inflight
tests_unit_test_inflight_SOURCES = %D%/unit/test-inflight.c %D%/unit/tap.h
tests_unit_test_inflight_LDADD = $(test_libs)
unit_tests += tests/unit/test-json
tests_unit_test_json_SOURCES = %D%/unit/test-json.c %D%/unit/tap.h
tests_unit_test_json_LDADD = $(test_libs)
unit_tests += tests/unit/test-json-pick
tests_unit_test_json_pick_SOURCES = %D%/unit/test-json-pick.c %D%/unit/tap.h
tests_unit_test_json_pick_LDADD = $(test_libs)
unit_tests += tests/unit/test-keyset
tests_unit_test_keyset_SOURCES = %D%/unit/test-keyset.c %D%/unit/tap.h
tests_unit_test_keyset_LDADD = $(test_libs)
unit_tests += tests/unit/test-ledger
tests_unit_test_ledger_SOURCES = %D%/unit/test-ledger.c %D%/unit/tap.h
tests_unit_test_ledger_LDADD = $(test_libs)
unit_tests += tests/unit/test-limiter
tests_unit_test_limiter_SOURCES = %D%/unit/test-limiter.c %D%/unit/tap.h
tests_unit_test_limiter_LDADD = $(test_libs)
unit_tests += tests/unit/test-lines
tests_unit_test_lines_SOURCES = %D%/unit/test-lines.c %D%/unit/tap.h
tests_unit_test_lines_LDADD = $(test_libs)
unit_tests += tests/unit/test-log
tests_unit_test_log_SOURCES = %D%/unit/test-log.c %D%/unit/tap.h
tests_unit_test_log_LDADD = $(test_libs)
unit_tests += tests/unit/test-marks
tests_unit_test_marks_SOURCES = %D%/unit/test-marks.c %D%/unit/tap.h
tests_unit_test_marks_LDADD = $(test_libs)
unit_tests += tests/unit/test-message
tests_unit_test_message_SOURCES = %D%/unit/test-message.c %D%/unit/tap.h
tests_unit_test_message_LDADD = $(test_libs)
unit_tests += tests/unit/test-metrics
tests_unit_test_metrics_SOURCES = %D%/unit/test-metrics.c %D%/unit/tap.h
tests_unit_test_metrics_LDADD = $(test_libs)
unit_tests += tests/unit/test-mill
tests_unit_test_mill_SOURCES = %D%/unit/test-mill.c %D%/unit/tap.h
tests_unit_test_mill_LDADD = $(test_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)
unit_tests += tests/unit/test-notice
tests_unit_test_notice_SOURCES = %D%/unit/test-notice.c %D%/unit/tap.h
tests_unit_test_notice_LDADD = $(test_libs)
unit_tests += tests/unit/test-num
tests_unit_test_num_SOURCES = %D%/unit/test-num.c %D%/unit/tap.h
tests_unit_test_num_LDADD = $(test_libs)
unit_tests += tests/unit/test-out
tests_unit_test_out_SOURCES = %D%/unit/test-out.c %D%/unit/tap.h
tests_unit_test_out_LDADD = $(test_libs)
unit_tests += tests/unit/test-phone
tests_unit_test_phone_SOURCES = %D%/unit/test-phone.c %D%/unit/tap.h
tests_unit_test_phone_LDADD = $(test_libs)
unit_tests += tests/unit/test-pool
tests_unit_test_pool_SOURCES = %D%/unit/test-pool.c %D%/unit/tap.h
tests_unit_test_pool_LDADD = $(test_libs)
unit_tests += tests/unit/test-result
tests_unit_test_result_SOURCES = %D%/unit/test-result.c %D%/unit/tap.h
tests_unit_test_result_LDADD = $(test_libs)
unit_tests += tests/unit/test-scan
tests_unit_test_scan_SOURCES = %D%/unit/test-scan.c %D%/unit/tap.h
tests_unit_test_scan_LDADD = $(test_libs)
unit_tests += tests/unit/test-schema
tests_unit_test_schema_SOURCES = %D%/unit/test-schema.c %D%/unit/schemas.h %D%/unit/tap.h
tests_unit_test_schema_LDADD = $(test_libs)
# libavro judges beside us; no tool links it. It has an <avro/schema.h> of its own: ours are found by "" only.
unit_tests += tests/unit/test-schema-libavro
tests_unit_test_schema_libavro_SOURCES = %D%/unit/test-schema-libavro.c %D%/unit/schemas.h %D%/unit/tap.h
tests_unit_test_schema_libavro_CPPFLAGS = -include $(top_builddir)/config.h -iquote $(top_srcdir)/libvf $(HARD_CPPFLAGS)
tests_unit_test_schema_libavro_LDADD = $(test_libs) $(AVRO_LIBS)
tests_unit_test_sender_SOURCES = %D%/unit/test-sender.c %D%/unit/server.h %D%/unit/tap.h
tests_unit_test_sender_LDADD = $(net_libs)
unit_tests += tests/unit/test-sfmc-answer
tests_unit_test_sfmc_answer_SOURCES = %D%/unit/test-sfmc-answer.c %D%/unit/tap.h
tests_unit_test_sfmc_answer_LDADD = $(test_libs)
unit_tests += tests/unit/test-sfmc-batch
tests_unit_test_sfmc_batch_SOURCES = %D%/unit/test-sfmc-batch.c %D%/unit/tap.h
tests_unit_test_sfmc_batch_LDADD = $(test_libs)
unit_tests += tests/unit/test-sorter
tests_unit_test_sorter_SOURCES = %D%/unit/test-sorter.c %D%/unit/tap.h
tests_unit_test_sorter_LDADD = $(test_libs)
unit_tests += tests/unit/test-status
tests_unit_test_status_SOURCES = %D%/unit/test-status.c %D%/unit/tap.h
tests_unit_test_status_LDADD = $(test_libs)
unit_tests += tests/unit/test-step
tests_unit_test_step_SOURCES = %D%/unit/test-step.c %D%/unit/tap.h
tests_unit_test_step_LDADD = $(test_libs)
unit_tests += tests/unit/test-tally
tests_unit_test_tally_SOURCES = %D%/unit/test-tally.c %D%/unit/tap.h
tests_unit_test_tally_LDADD = $(test_libs)
unit_tests += tests/unit/test-template
tests_unit_test_template_SOURCES = %D%/unit/test-template.c %D%/unit/tap.h
tests_unit_test_template_LDADD = $(test_libs)
unit_tests += tests/unit/test-text
tests_unit_test_text_SOURCES = %D%/unit/test-text.c %D%/unit/tap.h
tests_unit_test_text_LDADD = $(test_libs)
unit_tests += tests/unit/test-walk
tests_unit_test_walk_SOURCES = %D%/unit/test-walk.c %D%/unit/tap.h
tests_unit_test_walk_LDADD = $(test_libs)
unit_tests += tests/unit/test-wave
tests_unit_test_wave_SOURCES = %D%/unit/test-wave.c %D%/unit/tap.h
tests_unit_test_wave_LDADD = $(test_libs)
unit_tests += tests/unit/test-zone
tests_unit_test_zone_SOURCES = %D%/unit/test-zone.c %D%/unit/tap.h
tests_unit_test_zone_LDADD = $(test_libs)

# Fuzz targets: replayed everywhere, and with clang linked to libFuzzer.
if FUZZERS
noinst_PROGRAMS += \
	tests/fuzz/fuzz-avro \
	tests/fuzz/fuzz-aws-answer \
	tests/fuzz/fuzz-container \
	tests/fuzz/fuzz-domains \
	tests/fuzz/fuzz-email \
	tests/fuzz/fuzz-journal \
	tests/fuzz/fuzz-json \
	tests/fuzz/fuzz-lines \
	tests/fuzz/fuzz-phone \
	tests/fuzz/fuzz-phonebook \
	tests/fuzz/fuzz-reader \
	tests/fuzz/fuzz-result \
	tests/fuzz/fuzz-retry \
	tests/fuzz/fuzz-sfmc \
	tests/fuzz/fuzz-tally \
	tests/fuzz/fuzz-template \
	tests/fuzz/fuzz-zone
endif
unit_tests += tests/fuzz/replay-aws-answer
tests_fuzz_replay_aws_answer_SOURCES = %D%/fuzz/fuzz-aws-answer.c %D%/fuzz/replay.c
tests_fuzz_replay_aws_answer_LDADD = $(test_libs)
tests_fuzz_fuzz_aws_answer_SOURCES = %D%/fuzz/fuzz-aws-answer.c
tests_fuzz_fuzz_aws_answer_LDADD = $(test_libs)
tests_fuzz_fuzz_aws_answer_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-container
tests_fuzz_replay_container_SOURCES = %D%/fuzz/fuzz-container.c %D%/fuzz/replay.c
tests_fuzz_replay_container_LDADD = $(test_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)
tests_fuzz_fuzz_container_SOURCES = %D%/fuzz/fuzz-container.c
tests_fuzz_fuzz_container_LDADD = $(test_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)
tests_fuzz_fuzz_container_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-avro
tests_fuzz_replay_avro_SOURCES = %D%/fuzz/fuzz-avro.c %D%/fuzz/replay.c
tests_fuzz_replay_avro_LDADD = $(test_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)
tests_fuzz_fuzz_avro_SOURCES = %D%/fuzz/fuzz-avro.c
tests_fuzz_fuzz_avro_LDADD = $(test_libs) $(DEFLATE_LIBS) $(SNAPPY_LIBS)
tests_fuzz_fuzz_avro_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-domains
tests_fuzz_replay_domains_SOURCES = %D%/fuzz/fuzz-domains.c %D%/fuzz/replay.c
tests_fuzz_replay_domains_LDADD = $(test_libs)
tests_fuzz_fuzz_domains_SOURCES = %D%/fuzz/fuzz-domains.c
tests_fuzz_fuzz_domains_LDADD = $(test_libs)
tests_fuzz_fuzz_domains_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-email
tests_fuzz_replay_email_SOURCES = %D%/fuzz/fuzz-email.c %D%/fuzz/replay.c
tests_fuzz_replay_email_LDADD = $(test_libs)
tests_fuzz_fuzz_email_SOURCES = %D%/fuzz/fuzz-email.c
tests_fuzz_fuzz_email_LDADD = $(test_libs)
tests_fuzz_fuzz_email_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-journal
tests_fuzz_replay_journal_SOURCES = %D%/fuzz/fuzz-journal.c %D%/fuzz/replay.c
tests_fuzz_replay_journal_LDADD = $(test_libs)
tests_fuzz_fuzz_journal_SOURCES = %D%/fuzz/fuzz-journal.c
tests_fuzz_fuzz_journal_LDADD = $(test_libs)
tests_fuzz_fuzz_journal_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-json
tests_fuzz_replay_json_SOURCES = %D%/fuzz/fuzz-json.c %D%/fuzz/replay.c
tests_fuzz_replay_json_LDADD = $(test_libs)
tests_fuzz_fuzz_json_SOURCES = %D%/fuzz/fuzz-json.c
tests_fuzz_fuzz_json_LDADD = $(test_libs)
tests_fuzz_fuzz_json_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-lines
tests_fuzz_replay_lines_SOURCES = %D%/fuzz/fuzz-lines.c %D%/fuzz/replay.c
tests_fuzz_replay_lines_LDADD = $(test_libs)
tests_fuzz_fuzz_lines_SOURCES = %D%/fuzz/fuzz-lines.c
tests_fuzz_fuzz_lines_LDADD = $(test_libs)
tests_fuzz_fuzz_lines_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-phone
tests_fuzz_replay_phone_SOURCES = %D%/fuzz/fuzz-phone.c %D%/fuzz/replay.c
tests_fuzz_replay_phone_LDADD = $(test_libs)
tests_fuzz_fuzz_phone_SOURCES = %D%/fuzz/fuzz-phone.c
tests_fuzz_fuzz_phone_LDADD = $(test_libs)
tests_fuzz_fuzz_phone_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-phonebook
tests_fuzz_replay_phonebook_SOURCES = %D%/fuzz/fuzz-phonebook.c %D%/fuzz/replay.c
tests_fuzz_replay_phonebook_LDADD = $(test_libs)
tests_fuzz_fuzz_phonebook_SOURCES = %D%/fuzz/fuzz-phonebook.c
tests_fuzz_fuzz_phonebook_LDADD = $(test_libs)
tests_fuzz_fuzz_phonebook_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-reader
tests_fuzz_replay_reader_SOURCES = %D%/fuzz/fuzz-reader.c %D%/fuzz/replay.c
tests_fuzz_replay_reader_LDADD = $(test_libs)
tests_fuzz_fuzz_reader_SOURCES = %D%/fuzz/fuzz-reader.c
tests_fuzz_fuzz_reader_LDADD = $(test_libs)
tests_fuzz_fuzz_reader_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-result
tests_fuzz_replay_result_SOURCES = %D%/fuzz/fuzz-result.c %D%/fuzz/replay.c
tests_fuzz_replay_result_LDADD = $(test_libs)
tests_fuzz_fuzz_result_SOURCES = %D%/fuzz/fuzz-result.c
tests_fuzz_fuzz_result_LDADD = $(test_libs)
tests_fuzz_fuzz_result_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-retry
tests_fuzz_replay_retry_SOURCES = %D%/fuzz/fuzz-retry.c %D%/fuzz/replay.c
tests_fuzz_replay_retry_LDADD = $(net_libs)
tests_fuzz_fuzz_retry_SOURCES = %D%/fuzz/fuzz-retry.c
tests_fuzz_fuzz_retry_LDADD = $(net_libs)
tests_fuzz_fuzz_retry_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-sfmc
tests_fuzz_replay_sfmc_SOURCES = %D%/fuzz/fuzz-sfmc.c %D%/fuzz/replay.c
tests_fuzz_replay_sfmc_LDADD = $(test_libs)
tests_fuzz_fuzz_sfmc_SOURCES = %D%/fuzz/fuzz-sfmc.c
tests_fuzz_fuzz_sfmc_LDADD = $(test_libs)
tests_fuzz_fuzz_sfmc_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-template
tests_fuzz_replay_template_SOURCES = %D%/fuzz/fuzz-template.c %D%/fuzz/replay.c
tests_fuzz_replay_template_LDADD = $(test_libs)
tests_fuzz_fuzz_template_SOURCES = %D%/fuzz/fuzz-template.c
tests_fuzz_fuzz_template_LDADD = $(test_libs)
tests_fuzz_fuzz_template_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-zone
tests_fuzz_replay_zone_SOURCES = %D%/fuzz/fuzz-zone.c %D%/fuzz/replay.c
tests_fuzz_replay_zone_LDADD = $(test_libs)
tests_fuzz_fuzz_zone_SOURCES = %D%/fuzz/fuzz-zone.c
tests_fuzz_fuzz_zone_LDADD = $(test_libs)
tests_fuzz_fuzz_zone_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
unit_tests += tests/fuzz/replay-tally
tests_fuzz_replay_tally_SOURCES = %D%/fuzz/fuzz-tally.c %D%/fuzz/replay.c
tests_fuzz_replay_tally_LDADD = $(test_libs)
tests_fuzz_fuzz_tally_SOURCES = %D%/fuzz/fuzz-tally.c
tests_fuzz_fuzz_tally_LDADD = $(test_libs)
tests_fuzz_fuzz_tally_LDFLAGS = -fsanitize=fuzzer $(AM_LDFLAGS)
check_PROGRAMS += $(waiting_tests) $(unit_tests)

# The benches' own programs: compiled with all warnings, run by tests/bench/run.
check_PROGRAMS += tests/bench/append-avro tests/bench/bare-http tests/bench/generate tests/bench/kinesis-sink tests/bench/measure
tests_bench_append_avro_SOURCES = %D%/bench/append-avro.c
tests_bench_append_avro_CPPFLAGS = -include $(top_builddir)/config.h $(HARD_CPPFLAGS)
tests_bench_append_avro_LDADD = $(AVRO_LIBS)
tests_bench_bare_http_SOURCES = %D%/bench/bare-http.c
tests_bench_bare_http_LDADD = $(CURL_LIBS)
tests_bench_generate_SOURCES = %D%/bench/generate.c
tests_bench_kinesis_sink_SOURCES = %D%/bench/kinesis-sink.c
tests_bench_measure_SOURCES = %D%/bench/measure.c

# Tools that talk to services, against stand-ins on the loopback interface.
service_tests = \
	%D%/vf-sms.bats \
	%D%/vf-kinesis.bats \
	%D%/vf-sqs.bats \
	%D%/vf-sfmc.bats \
	%D%/vf-slack.bats

# Scripts (the sample campaign first), shell completion and the pages; other programs' answers; what takes minutes: tests/run calls them all.
script_tests = \
	%D%/sample.bats \
	%D%/scripts.bats \
	%D%/campaign.bats \
	%D%/lake.bats \
	%D%/send-wave.bats \
	%D%/score-lake.bats \
	%D%/man.bats \
	%D%/privacy.bats \
	%D%/completion.bats \
	%D%/bench.bats \
	%D%/zones.bats
oracle_tests = %D%/oracles/avro.bats %D%/oracles/oracles.bats %D%/oracles/segments.bats
# The longest first, here too.
long_tests = \
	%D%/long/lake.bats \
	%D%/long/lake-moto.bats \
	%D%/long/athena.bats \
	%D%/long/kills.bats \
	%D%/long/send-wave.bats \
	%D%/long/email-worker.bats \
	%D%/long/recount.bats \
	%D%/long/campaign.bats \
	%D%/long/vf-sqs.bats \
	%D%/long/vf-attempt.bats \
	%D%/long/send-email.bats \
	%D%/vf-kinesis.bats \
	%D%/vf-slack.bats \
	%D%/vf-sms.bats \
	%D%/vf-sqs.bats \
	%D%/vf-draw.bats \
	%D%/vf-sfmc.bats \
	%D%/recount.bats \
	%D%/vf-assign.bats \
	%D%/vf-merge.bats \
	%D%/vf-attempt.bats \
	%D%/vf-audit.bats \
	%D%/vf-tally.bats \
	%D%/vf-wave.bats

# The oracles' npm packages, fetched before any of them starts.
oracles/complete: $(srcdir)/%D%/oracles/package.json $(srcdir)/%D%/oracles/package-lock.json
	$(AM_V_GEN)rm -f $@ && $(MKDIR_P) oracles
	@cp $(srcdir)/%D%/oracles/package.json $(srcdir)/%D%/oracles/package-lock.json oracles
	@chmod u+w oracles/package.json oracles/package-lock.json
	@cd oracles && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
clean-local:
	rm -rf oracles

check-oracles: $(bin_PROGRAMS) tests/unit/test-message$(EXEEXT) tests/unit/test-phone$(EXEEXT) oracles/complete
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(oracle_tests)'
check-long: $(bin_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(long_tests)' BATS_TAGS='--filter-tags long'
check-services: $(bin_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(service_tests)'
# The same beside others: while those of services wait, others work.
check-with-services: $(bin_PROGRAMS) $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(service_tests) $(waiting_tests) $(bats_tests) $(unit_tests)'
check-scripts-with-services: $(bin_PROGRAMS) tests/unit/test-zone$(EXEEXT)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(service_tests) $(script_tests)'
check-scripts: $(bin_PROGRAMS) tests/unit/test-zone$(EXEEXT)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(script_tests)'
.PHONY: check-oracles check-long check-scripts check-scripts-with-services check-services check-with-services

EXTRA_DIST += $(bats_tests) $(service_tests) $(script_tests) $(oracle_tests) $(long_tests)
EXTRA_DIST += \
	%D%/avro.py \
	%D%/bench/AvroPeer.java \
	%D%/bench/avsc.mjs \
	%D%/bench/inflate-avro.c \
	%D%/bench/package-lock.json \
	%D%/bench/package.json \
	%D%/bench/peers.mjs \
	%D%/bench/posts.mjs \
	%D%/bench/run \
	%D%/aws.bash \
	%D%/bench/sms \
	%D%/campaign.bash \
	%D%/damage.py \
	%D%/edges.py \
	%D%/data \
	%D%/fuzz/corpus \
	%D%/helper.bash \
	%D%/kill-sms.sh \
	%D%/kill.py \
	%D%/lake-reader.py \
	%D%/lake.bash \
	%D%/local.mk \
	%D%/man-examples.py \
	%D%/man-pages.py \
	%D%/oracles/AvroFile.java \
	%D%/oracles/avro.avsc \
	%D%/oracles/avrofile.mjs \
	%D%/oracles/avrofile.py \
	%D%/oracles/package-lock.json \
	%D%/oracles/package.json \
	%D%/oracles/phones.mjs \
	%D%/oracles/records.mjs \
	%D%/oracles/resolve.mjs \
	%D%/oracles/segments.pl \
	%D%/oracles/sql.mjs \
	%D%/recount.py \
	%D%/reference.py \
	%D%/report.py \
	%D%/secrets.py \
	%D%/run \
	%D%/service.bash \
	%D%/stand-ins/athena.py \
	%D%/stand-ins/aws-proxy.py \
	%D%/stand-ins/aws-serve.py \
	%D%/stand-ins/moto-serve.py \
	%D%/stand-ins/aws \
	%D%/stand-ins/sfmc \
	%D%/stand-ins/slack \
	%D%/stand-ins/sms \
	%D%/wave.bash \
	%D%/worker-account.py \
	%D%/worker.bash \
	%D%/zones.py
