#!/usr/bin/env python3
"""Stands in for AWS on a bad day: a proxy in front of moto that does what moto never does.

    aws-proxy.py READY ACCOUNT --target URL --key K --secret S [--sessions JSON] [FAULT P]... [--seed N]

Each fault befalls a request with its probability, at most one of them:
    --throttle     400 ProvisionedThroughputExceededException
    --unavailable  500 or 503, not acted on
    --drop-before  the connection dies, not acted on
    --drop-after   the request is acted on, and the connection dies instead of an answer
    --slow         acted on, and answered 300 ms later
    --partial      a third of a batch is not acted on, and the answer says so
    --garbled      acted on, and the answer is no JSON
With --sessions, GET /credentials gives one of them after the other, good for --ttl seconds
(Authorization must be `secret-of-the-task`), and a request with older ones is
answered 400 ExpiredTokenException.

What is forwarded keeps the Host that was signed, so moto checks the client's own
signature. A batch that is cut is signed anew with the user's key. ACCOUNT gets a
line of JSON for each request: action, fault, and what was in the batch.
READY appears when the port is known: PROXY_URL=..., for a shell.
"""

import argparse
import datetime
import http.client
import http.server
import json
import os
import random
import socket
import threading
import time
import urllib.parse

FAULTS = ["throttle", "unavailable", "drop_before", "drop_after", "slow", "partial", "garbled"]

parser = argparse.ArgumentParser()
parser.add_argument("ready")
parser.add_argument("account")
parser.add_argument("--target", required=True)
parser.add_argument("--key", required=True)
parser.add_argument("--secret", required=True)
parser.add_argument("--sessions", type=json.loads, default=[])
parser.add_argument("--ttl", type=float, default=3600)
parser.add_argument("--seed", type=int, default=0)
for fault in FAULTS:
    parser.add_argument("--" + fault.replace("_", "-"), type=float, default=0)
args = parser.parse_args()
target = urllib.parse.urlsplit(args.target).netloc
dice = random.Random(args.seed)
lock = threading.Lock()
tokens = {}


def log(**entry):
    with lock, open(args.account, "a", encoding="utf-8") as out:
        out.write(json.dumps(entry) + "\n")


def choose():
    with lock:
        x = dice.random()
    for fault in FAULTS:
        x -= getattr(args, fault)
        if x < 0:
            return fault
    return "none"


def forward(method, path, headers, body):
    connection = http.client.HTTPConnection(target, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        if name.lower() not in ("connection", "expect", "content-length"):
            connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Type", ""), data


def signed_anew(host, service, headers, body):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    request = AWSRequest("POST", f"http://{host}/", data=body, headers={
        name: value for name, value in headers if name.lower() in ("content-type", "x-amz-target")})
    SigV4Auth(Credentials(args.key, args.secret), service, "us-east-1").add_auth(request)
    return [("Host", host)] + list(request.headers.items())


def entries_of(action, body):
    """The batch of a request: its list, and how each entry is named in the account."""
    if action == "PutRecords":
        return "Records", [[r["PartitionKey"], r["Data"]] for r in body["Records"]]
    if action in ("SendMessageBatch", "DeleteMessageBatch"):
        return "Entries", [[e["Id"], e.get("MessageBody", e.get("ReceiptHandle"))] for e in body["Entries"]]
    return None, []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, data, kind="application/x-amz-json-1.1"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def error(self, status, name):
        self.reply(status, json.dumps({"__type": "com.amazonaws#" + name, "message": "as planned"}).encode())

    def hang_up(self):
        self.close_connection = True
        # A reset, not an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def do_GET(self):
        if self.path != "/credentials" or not args.sessions:
            self.reply(404, b"{}")
            return
        if self.headers.get("Authorization") != "secret-of-the-task":
            log(action="credentials", fault="refused")
            self.reply(401, b"{}")
            return
        with lock:
            key, secret, token = args.sessions[len(tokens) % len(args.sessions)]
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=args.ttl)
        tokens[token] = time.time() + args.ttl
        log(action="credentials", fault="none")
        self.reply(200, json.dumps({"AccessKeyId": key, "SecretAccessKey": secret, "Token": token,
                                    "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        action = (self.headers.get("X-Amz-Target") or "").split(".")[-1]
        headers = list(self.headers.items())
        parsed = json.loads(body) if body else {}
        member, names = entries_of(action, parsed)
        token = self.headers.get("X-Amz-Security-Token")
        fault = choose()
        if fault in ("partial",) and len(names) < 2:
            fault = "none"
        if token in tokens and time.time() > tokens[token]:
            fault = "expired"
        with lock:
            lost = sorted(dice.sample(range(len(names)), max(1, len(names) // 3))) if fault == "partial" else []
        entry = {"action": action, "fault": fault, "batch": names, "bytes": len(body), "lost": lost}
        if fault == "expired":
            log(**entry)
            self.error(400, "ExpiredTokenException")
        elif fault == "throttle":
            log(**entry)
            self.error(400, "ProvisionedThroughputExceededException" if action == "PutRecords" else "RequestThrottled")
        elif fault == "unavailable":
            log(**entry)
            self.error(503 if len(body) % 2 else 500, "InternalFailure")
        elif fault == "drop_before":
            log(**entry)
            self.hang_up()
        elif fault == "partial":
            self.partial(entry, parsed, member, headers, action)
        else:
            status, kind, data = forward("POST", self.path, headers, body)
            log(**entry, status=status)
            if fault == "drop_after":
                self.hang_up()
                return
            if fault == "slow":
                time.sleep(0.3)
            self.reply(status, b"<html>moved</html>" if fault == "garbled" else data, kind)

    def partial(self, entry, parsed, member, headers, action):
        every, lost = parsed[member], set(entry["lost"])
        parsed[member] = [e for i, e in enumerate(every) if i not in lost]
        body = json.dumps(parsed).encode()
        service = "kinesis" if action == "PutRecords" else "sqs"
        status, kind, data = forward("POST", "/", signed_anew(self.headers["Host"], service, headers, body), body)
        log(**entry, status=status)
        answer = json.loads(data)
        if action == "PutRecords":
            results = iter(answer["Records"])
            answer["Records"] = [{"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "as planned"}
                                 if i in lost else next(results) for i in range(len(every))]
            answer["FailedRecordCount"] = len(lost)
        else:
            answer.setdefault("Failed", []).extend(
                {"Id": every[i]["Id"], "SenderFault": False, "Code": "InternalError", "Message": "as planned"} for i in lost)
        self.reply(status, json.dumps(answer).encode(), kind)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(args.ready + ".part", "w", encoding="ascii") as out:
    out.write(f"PROXY_URL=http://127.0.0.1:{server.server_port}\n")
os.rename(args.ready + ".part", args.ready)
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(0.2)
