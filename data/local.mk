# Lists and metadata that the tools read at start; --phone-metadata, --disposable and VF_DATADIR name others.
dist_pkgdata_DATA += \
	%D%/COPYING.phone-metadata \
	%D%/phone-metadata.txt
EXTRA_DIST += \
	%D%/phone-metadata.mjs
