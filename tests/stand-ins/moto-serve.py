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

And of a lake, for those who kill what works on it. LAKE is BUCKET/PREFIX/QUEUE, PREFIX that of the table:

    register LAKE FILE RECORDS FIRST     puts registrations nf<FIRST>... as FILE of the table
    table LAKE           ids of the records that a reader of the table sees, on one line
    keys LAKE            of all objects of its bucket, on one line
    newest LAKE          the body of the message that came last
    show-again LAKE      what was received and not deleted, as if its time were over
    save LAKE NAME, restore LAKE NAME    all objects and messages
    watch LAKE KILL [FILE...]    from now on each step is watched: a request that changes an object or a message, or takes
                         one. KILL is never, before-N or after-N: the sessions of the processes whose ids are in the FILEs
                         are killed instead of the N-th step, or when it is done, in place of its answer. From then on
                         nothing that is asked is done.
    watched LAKE         the end of it: the states before each step and now, on one line. Fails when a reader of the table
                         saw a record twice in any of them.
"""

import argparse
import copy
import functools
import hashlib
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import urllib.request

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ.pop("AWS_ENDPOINT_URL", None)

import boto3
from moto.backends import get_backend
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import avro


def post(url, body=b""):
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(request).read()


class Lake:
    """What moto holds of one, looked at where it holds it: a reader does not get into the way of those who ask."""
    known = {}

    def __init__(self, lake):
        bucket, *prefix, queue = lake.split("/")
        self.prefix = "/".join(prefix) + "/"
        self.bucket = get_backend("s3")["123456789012"]["aws"].buckets[bucket]
        self.queue = get_backend("sqs")["123456789012"]["us-east-1"].queues[queue]

    def seen(self):
        """Ids by object. Names with _ and . are hidden."""
        found = {}
        for name in self.bucket.keys:
            base = name.rsplit("/", 1)[1]
            if name.startswith(self.prefix) and base.endswith(".avro") and base[0] not in "_.":
                key = self.bucket.keys[name]
                if key.etag not in self.known:
                    with tempfile.NamedTemporaryFile() as file:
                        file.write(key.value)
                        file.flush()
                        self.known[key.etag] = [record["id"] for record in avro.records(file.name)]
                found[name] = self.known[key.etag]
        return found

    def state(self):
        objects = sorted((name, self.bucket.keys[name].etag) for name in self.bucket.keys)
        messages = [(message.body, message.visible) for message in self.queue._messages]
        return hashlib.sha256(repr((objects, messages)).encode()).hexdigest()[:12]

    def holds(self):
        return self.bucket.keys, self.queue._messages, self.queue._pending_messages, self.queue.deleted_messages

    def hold(self, held):
        self.bucket.keys, self.queue._messages, self.queue._pending_messages, self.queue.deleted_messages = held


class Watcher:
    def __init__(self, lake, kill, files):
        self.lake, self.files, self.states, self.wrong, self.dead = lake, files, [], "", False
        self.side, _, number = kill.partition("-")
        self.number = int(number or 0)

    def look(self):
        ids = sum(self.lake.seen().values(), [])
        if len(set(ids)) != len(ids):
            self.wrong = self.wrong or f"twice before step {len(self.states) + 1}: {' '.join(sorted(ids))}"
        self.states.append(self.lake.state())

    def ask(self, environ, do):
        """A request. What nobody is to be told is None."""
        if self.dead:
            return None
        if not is_step(environ):
            return do()
        self.look()
        due = len(self.states) == self.number
        told = None if due and self.side == "before" else do()
        if not due:
            return told
        self.dead = True
        for name in self.files:
            with open(name, encoding="ascii") as file:
                kill_session(int(file.read()))
        return None


def is_step(environ):
    """A request that changes something in S3 or SQS: taking a message hides it."""
    action = environ.get("HTTP_X_AMZ_TARGET", "")
    if action:
        return action.startswith(("AmazonSQS.Send", "AmazonSQS.Receive", "AmazonSQS.Delete"))
    return environ["REQUEST_METHOD"] in ("PUT", "POST", "DELETE")


def kill_session(leader):
    """Until nobody of it is left: one may be about to have a child."""
    left = True
    while left:
        left = False
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    state, _, _, session = file.read().rsplit(") ", 1)[1].split()[:4]
                if int(session) == leader and state not in "ZX":
                    os.kill(int(name), signal.SIGKILL)
                    left = True
            except (FileNotFoundError, ProcessLookupError):
                pass


class Teller:
    """Each word of /of-tests/ is a method: bytes, or lines."""

    def __init__(self, client):
        self.client, self.saved, self.watcher = functools.lru_cache(client), {}, None

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

    def register(self, lake, name, records, first):
        with tempfile.NamedTemporaryFile() as file:
            avro.make(file.name, int(records), int(first), codec="deflate")
            self.client("s3").upload_file(file.name, lake.split("/")[0], "/".join(lake.split("/")[1:-1]) + "/" + name)
        return []

    def table(self, lake):
        return [" ".join(sorted(sum(Lake(lake).seen().values(), [])))]

    def keys(self, lake):
        return [" ".join(sorted(Lake(lake).bucket.keys))]

    def newest(self, lake):
        return [Lake(lake).queue._messages[-1].body]

    def show_again(self, lake):
        for message in Lake(lake).queue._messages:
            message.visible_at = 0.0
        return []

    def save(self, lake, name):
        self.saved[name] = copy.deepcopy(Lake(lake).holds())
        return []

    def restore(self, lake, name):
        Lake(lake).hold(copy.deepcopy(self.saved[name]))
        return []

    def watch(self, lake, kill, *files):
        self.watcher = Watcher(Lake(lake), kill, files)
        return []

    def watched(self, lake):
        watcher, self.watcher = self.watcher, None
        watcher.look()
        if watcher.wrong:
            raise ValueError(watcher.wrong)
        return [" ".join(watcher.states)]

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
        watcher = teller and teller.watcher
        with lock:
            if not watcher:
                return list(moto(environ, start_response))
            told = watcher.ask(environ, lambda: list(moto(environ, start_response)))
        if told is None:
            raise ConnectionError("whoever asked is dead")
        return told

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
