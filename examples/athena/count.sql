-- How many records Athena sees in each source: a source that it does not see would be lost in the merge.
SELECT "$path" AS source, count(*) AS records
FROM "@DATABASE@"."@TABLE@"
WHERE dt IN (@PARTITIONS@) AND "$path" IN (@SOURCES@)
GROUP BY "$path"
