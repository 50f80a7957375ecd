#!/usr/bin/env python3
"""What moto holds, by boto3 and so by nothing of ours.

    moto-read.py stream NAME      its records, a line each, shard by shard in order: SHARD KEY DATA
    moto-read.py make-stream NAME SHARDS
    moto-read.py make-queue NAME  prints its URL
    moto-read.py queue URL        its messages' bodies, a line each (they stay in flight)
    moto-read.py count URL        how many messages it has, visible or in flight
    moto-read.py send URL BODY... one message each
    moto-read.py make-bucket NAME
    moto-read.py object BUCKET KEY  its bytes
"""
import os
import sys

import boto3


def client(service):
    return boto3.client(service, endpoint_url=os.environ["MOTO_URL"], region_name="us-east-1",
                        aws_access_key_id=os.environ["MOTO_KEY"], aws_secret_access_key=os.environ["MOTO_SECRET"])


def stream(name):
    kinesis = client("kinesis")
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        at = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        at = at["ShardIterator"]
        while True:
            got = kinesis.get_records(ShardIterator=at, Limit=10000)
            for record in got["Records"]:
                print(shard["ShardId"], record["PartitionKey"], record["Data"].decode())
            if not got["Records"]:
                break
            at = got["NextShardIterator"]


def queue(url):
    sqs = client("sqs")
    while True:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=3600).get("Messages", [])
        if not got:
            break
        for message in got:
            print(message["Body"])


what, rest = sys.argv[1], sys.argv[2:]
if what == "stream":
    stream(*rest)
elif what == "make-stream":
    client("kinesis").create_stream(StreamName=rest[0], ShardCount=int(rest[1]))
elif what == "make-queue":
    print(client("sqs").create_queue(QueueName=rest[0])["QueueUrl"])
elif what == "queue":
    queue(*rest)
elif what == "count":
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    print(sum(map(int, client("sqs").get_queue_attributes(QueueUrl=rest[0], AttributeNames=names)["Attributes"].values())))
elif what == "send":
    for body in rest[1:]:
        client("sqs").send_message(QueueUrl=rest[0], MessageBody=body)
elif what == "make-bucket":
    client("s3").create_bucket(Bucket=rest[0])
elif what == "object":
    sys.stdout.buffer.write(client("s3").get_object(Bucket=rest[0], Key=rest[1])["Body"].read())
