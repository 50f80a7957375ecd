-- The merge: the records of exactly these sources, whatever came meanwhile, into an empty folder. Tags as one text: the
-- files that UNLOAD writes have nullable columns in small letters, and merge.sh makes them the lake's schema again.
UNLOAD (
SELECT @COLUMNS@
FROM "@DATABASE@"."@TABLE@"
WHERE dt IN (@PARTITIONS@) AND "$path" IN (@SOURCES@)
)
TO '@TARGET@'
WITH (format = 'AVRO', compression = 'SNAPPY')
