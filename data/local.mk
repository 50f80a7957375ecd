# Lists and metadata that the tools read at start; --phone-metadata, --disposable and VF_DATADIR name others.
dist_pkgdata_DATA += \
	%D%/COPYING.phone-metadata \
	%D%/disposable-domains.txt \
	%D%/phone-metadata.txt \
	%D%/relay-domains.txt
EXTRA_DIST += \
	%D%/disposable-domains.mjs \
	%D%/phone-metadata.mjs
