-- The table of the lake's registrations: run once, with the lake's address for @LAKE@ (s3://BUCKET/KEY).
-- Athena matches the schema's fields to columns without regard to case, and skips names that start with _ or a dot.
-- A later schema: ALTER TABLE ... ADD COLUMNS, and avro.schema.literal anew (../schemas/README.md).
CREATE EXTERNAL TABLE IF NOT EXISTS registration (
  globalUserId string,
  campaignId string,
  market string,
  email string,
  phone string,
  phoneConfirmed boolean,
  phoneRegion string,
  score double,
  band string,
  tags array<string>
)
PARTITIONED BY (dt string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.avro.AvroSerDe'
WITH SERDEPROPERTIES ('avro.schema.literal' = '{
  "type": "record", "name": "Registration", "namespace": "vf.lake",
  "fields": [
    {"name": "globalUserId", "type": "string"},
    {"name": "campaignId", "type": "string"},
    {"name": "market", "type": ["null", "string"], "default": null},
    {"name": "email", "type": ["null", "string"], "default": null},
    {"name": "phone", "type": ["null", "string"], "default": null},
    {"name": "phoneConfirmed", "type": ["null", "boolean"], "default": null},
    {"name": "phoneRegion", "type": ["null", "string"], "default": null},
    {"name": "score", "type": ["null", "double"], "default": null},
    {"name": "band", "type": ["null", "string"], "default": null},
    {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}
  ]
}')
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat'
LOCATION '@LAKE@/registration/'
