#!/usr/bin/env python3
"""Stands in for AWS: moto 5 on a free port, with signatures and policies checked.

    moto-serve.py READY [--streams NAME:SHARDS,...] [--queues NAME,...] [--unchecked]

Makes the streams and queues, a user and a role that may use them, and then lets
moto check signatures; with --unchecked not, since it refuses those that aws-cli
makes for objects. READY appears when all is done: lines for a shell, MOTO_URL,
MOTO_KEY and MOTO_SECRET (the user's), MOTO_NOBODY_KEY and its secret (of a user who
may do nothing), MOTO_SESSIONS (JSON: the role's sessions). Ends with its parent, or
by a signal.
"""

import argparse
import json
import logging
import os
import threading
import time
import urllib.request

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ.pop("AWS_ENDPOINT_URL", None)

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def post(url, body=b""):
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(request).read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ready")
    parser.add_argument("--streams", default="")
    parser.add_argument("--queues", default="")
    parser.add_argument("--unchecked", action="store_true")
    args = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    moto, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ, start_response):
        """moto gives records of requests that overlap the same sequence number, and keeps one of them."""
        with lock:
            return list(moto(environ, start_response))

    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def client(service):
        return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="AK",
                            aws_secret_access_key="sk")

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
