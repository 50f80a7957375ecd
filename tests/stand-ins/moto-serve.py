#!/usr/bin/env python3
"""Stands in for AWS: moto 5 on a free port, with signatures and policies checked.

    moto-serve.py READY [--streams NAME:SHARDS,...] [--queues NAME,...] [--unchecked]

Makes the streams and queues, a user and a role that may use them, and then lets
moto check signatures; with --unchecked not, since it refuses those that aws-cli
makes for objects. READY appears when all is done: lines for a shell, MOTO_URL,
MOTO_KEY and MOTO_SECRET (the user's), MOTO_NOBODY_KEY and its secret (of a user who
may do nothing), MOTO_SESSIONS (JSON: the role's sessions). Ends with its parent, or
by a signal.

It also tells tests what moto holds, by boto3 and so by nothing of ours: in this process, since a program that
loads boto3 takes half a second to start. POST /of-tests/WORD, the arguments in the body, a byte 31 after each:

    stream NAME          its records, a line each, shard by shard in order: SHARD KEY DATA
    make-stream NAME SHARDS
    queue URL            its messages' bodies, a line each (they stay in flight)
    count URL            how many messages it has, visible or in flight
    send URL BODY...     one message each
    make-bucket NAME
    object BUCKET KEY    its bytes
    table BUCKET PREFIX  ids of the records that a reader of the table below PREFIX sees, on one line
"""

import argparse
import functools
import json
import logging
import os
import sys
import tempfile
import threading
import time
import urllib.request

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ.pop("AWS_ENDPOINT_URL", None)

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import avro


def post(url, body=b""):
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(request).read()


class Teller:
    """Each word of /of-tests/ is a method: bytes, or lines."""

    def __init__(self, client):
        self.client = functools.lru_cache(client)

    def stream(self, name):
        kinesis, lines = self.client("kinesis"), []
        for shard in kinesis.list_shards(StreamName=name)["Shards"]:
            at = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
            at = at["ShardIterator"]
            while True:
                got = kinesis.get_records(ShardIterator=at, Limit=10000)
                lines += [f"{shard['ShardId']} {r['PartitionKey']} {r['Data'].decode()}" for r in got["Records"]]
                if not got["Records"]:
                    break
                at = got["NextShardIterator"]
        return lines

    def make_stream(self, name, shards):
        self.client("kinesis").create_stream(StreamName=name, ShardCount=int(shards))
        return []

    def queue(self, url):
        lines = []
        while True:
            got = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=3600)
            if not got.get("Messages"):
                return lines
            lines += [message["Body"] for message in got["Messages"]]

    def count(self, url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        got = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return [str(sum(map(int, got.values())))]

    def send(self, url, *bodies):
        for body in bodies:
            self.client("sqs").send_message(QueueUrl=url, MessageBody=body)
        return []

    def make_bucket(self, name):
        self.client("s3").create_bucket(Bucket=name)
        return []

    def object(self, bucket, key):
        return self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def table(self, bucket, prefix):
        seen = []
        for thing in self.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            name = thing["Key"].rsplit("/", 1)[1]
            if name.endswith(".avro") and name[0] not in "_.":
                with tempfile.NamedTemporaryFile() as file:
                    file.write(self.object(bucket, thing["Key"]))
                    file.flush()
                    seen += [record["id"] for record in avro.records(file.name)]
        return [" ".join(sorted(seen))]

    def answer(self, environ, start_response):
        word = environ["PATH_INFO"].rsplit("/", 1)[1].replace("-", "_")
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        try:
            told, status = getattr(self, word)(*body.split("\x1f")[:-1]), "200 OK"
        except Exception as error:		# whatever it is, the test is to see it
            told, status = [repr(error)], "500 Failed"
        if not isinstance(told, bytes):
            told = "".join(line + "\n" for line in told).encode()
        start_response(status, [("Content-Length", str(len(told)))])
        return [told]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ready")
    parser.add_argument("--streams", default="")
    parser.add_argument("--queues", default="")
    parser.add_argument("--unchecked", action="store_true")
    args = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    moto, lock, teller = DomainDispatcherApplication(create_backend_app), threading.Lock(), None

    def one_at_a_time(environ, start_response):
        """moto gives records of requests that overlap the same sequence number, and keeps one of them."""
        if teller and environ["PATH_INFO"].startswith("/of-tests/"):
            return teller.answer(environ, start_response)
        with lock:
            return list(moto(environ, start_response))

    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def client(service, key="AK", secret="sk"):
        return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id=key,
                            aws_secret_access_key=secret)

    for stream in filter(None, args.streams.split(",")):
        name, shards = stream.split(":")
        client("kinesis").create_stream(StreamName=name, ShardCount=int(shards))
    for queue in filter(None, args.queues.split(",")):
        client("sqs").create_queue(QueueName=queue)
    iam = client("iam")
    everything = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["kinesis:*", "sqs:*", "s3:*", "sts:*"], "Resource": "*"}]})
    iam.create_user(UserName="ops")
    iam.put_user_policy(UserName="ops", PolicyName="p", PolicyDocument=everything)
    iam.create_user(UserName="nobody")
    other = iam.create_access_key(UserName="nobody")["AccessKey"]
    key = iam.create_access_key(UserName="ops")["AccessKey"]
    role = iam.create_role(RoleName="task", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.put_role_policy(RoleName="task", PolicyName="p", PolicyDocument=everything)
    # Sessions of the role are made now: with its checks on, moto 5.2.1 answers AssumeRole with 500.
    sts = client("sts")
    sessions = [sts.assume_role(RoleArn=role, RoleSessionName="task")["Credentials"] for _ in range(12)]
    sessions = [[s["AccessKeyId"], s["SecretAccessKey"], s["SessionToken"]] for s in sessions]
    teller = Teller(lambda service: client(service, key["AccessKeyId"], key["SecretAccessKey"]))
    if not args.unchecked:
        post(url + "/moto-api/reset-auth", b"0")
    with open(args.ready + ".part", "w", encoding="ascii") as out:
        out.write(f"MOTO_URL={url}\nMOTO_KEY={key['AccessKeyId']}\nMOTO_SECRET={key['SecretAccessKey']}\n"
                  f"MOTO_NOBODY_KEY={other['AccessKeyId']}\nMOTO_NOBODY_SECRET={other['SecretAccessKey']}\n"
                  f"MOTO_SESSIONS='{json.dumps(sessions)}'\n")
    os.rename(args.ready + ".part", args.ready)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)


main()
