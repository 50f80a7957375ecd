noinst_LIBRARIES += libvf.a
libvf_a_SOURCES = \
	%D%/avro/decode.c %D%/avro/decode.h \
	%D%/avro/encode.c %D%/avro/encode.h \
	%D%/avro/schema.c %D%/avro/schema.h \
	%D%/avro/walk.c %D%/avro/walk.h \
	%D%/base/blake4.c %D%/base/blake4.h \
	%D%/base/buf.c %D%/base/buf.h \
	%D%/base/date.c %D%/base/date.h \
	%D%/base/error.c %D%/base/error.h \
	%D%/base/file.c %D%/base/file.h \
	%D%/base/hash.c %D%/base/hash.h \
	%D%/base/json.c %D%/base/json.h \
	%D%/base/json-pick.c %D%/base/json-pick.h \
	%D%/base/keyset.c %D%/base/keyset.h \
	%D%/base/log.c %D%/base/log.h \
	%D%/base/num.c %D%/base/num.h \
	%D%/base/slice.h \
	%D%/base/sorter.c %D%/base/sorter.h \
	%D%/base/text.c %D%/base/text.h \
	%D%/base/zone.c %D%/base/zone.h \
	%D%/record/csv.c %D%/record/csv.h \
	%D%/record/header.c %D%/record/header.h \
	%D%/record/in.c %D%/record/in.h \
	%D%/record/lines.c %D%/record/lines.h \
	%D%/record/out.c %D%/record/out.h \
	%D%/record/row.h \
	%D%/record/scan.c %D%/record/scan.h \
	%D%/avro/codec.c %D%/avro/codec.h \
	%D%/avro/container.c %D%/avro/container.h \
	%D%/avro/packer.c %D%/avro/packer.h \
	%D%/avro/varint.h \
	%D%/fan/campaign.c %D%/fan/campaign.h \
	%D%/fan/codes.c %D%/fan/codes.h \
	%D%/fan/delivery.c %D%/fan/delivery.h \
	%D%/fan/domains.c %D%/fan/domains.h \
	%D%/fan/draw.c %D%/fan/draw.h \
	%D%/fan/eligible.c %D%/fan/eligible.h \
	%D%/fan/email.c %D%/fan/email.h \
	%D%/fan/fan.c %D%/fan/fan.h \
	%D%/fan/ledger.c %D%/fan/ledger.h \
	%D%/fan/lot.c %D%/fan/lot.h \
	%D%/fan/manifest.c %D%/fan/manifest.h \
	%D%/fan/message.c %D%/fan/message.h \
	%D%/fan/optout.c %D%/fan/optout.h \
	%D%/fan/pattern.c %D%/fan/pattern.h \
	%D%/fan/phone.c %D%/fan/phone.h \
	%D%/fan/phone-book.c %D%/fan/phone-book.h \
	%D%/fan/phone-plan.c \
	%D%/fan/score.c %D%/fan/score.h \
	%D%/fan/status.c %D%/fan/status.h \
	%D%/fan/tally.c %D%/fan/tally.h \
	%D%/fan/template.c %D%/fan/template.h \
	%D%/fan/wave.c %D%/fan/wave.h \
	%D%/net/http.c %D%/net/http.h \
	%D%/net/journal.c %D%/net/journal.h \
	%D%/net/limiter.c %D%/net/limiter.h \
	%D%/net/sender.c %D%/net/sender.h
