# The scripts run in place and installed alike.
exampledir = $(pkgdatadir)/examples
dist_example_SCRIPTS = \
	%D%/archive-merged.sh \
	%D%/campaign.sh \
	%D%/email-worker.sh \
	%D%/merge.sh \
	%D%/prepare-wave.sh \
	%D%/recheck-draw.py \
	%D%/score-file.sh \
	%D%/send-wave.sh
dist_example_DATA = %D%/README.md %D%/lake-athena.sh %D%/lake.sh %D%/lib.sh

athenadir = $(exampledir)/athena
dist_athena_DATA = \
	%D%/athena/count.sql \
	%D%/athena/partitions.sql \
	%D%/athena/registration.sql \
	%D%/athena/unload.sql

schemasdir = $(exampledir)/schemas
dist_schemas_DATA = \
	%D%/schemas/README.md \
	%D%/schemas/code-assignment.avsc \
	%D%/schemas/registration.avsc \
	%D%/schemas/selection.avsc

sampledir = $(exampledir)/sample
dist_sample_DATA = \
	%D%/sample/blacklist.txt \
	%D%/sample/config.json \
	%D%/sample/email.html \
	%D%/sample/optout.txt \
	%D%/sample/scores.txt \
	%D%/sample/sms.txt \
	%D%/sample/subject.txt \
	%D%/sample/whitelist.txt
EXTRA_DIST += %D%/sample/generate.py

servicesdir = $(exampledir)/services
dist_services_DATA = %D%/services/marketing-cloud.md %D%/services/sms.openapi.json
