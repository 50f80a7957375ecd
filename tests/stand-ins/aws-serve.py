#!/usr/bin/env python3
"""The real aws-cli, loaded once: for tests that call it many times, since a start takes a second.

    aws-serve.py READY [WORDS...]    serves; each WORDS (split at spaces) is called once before, to have it loaded

READY appears when it takes calls: lines for a shell, CLI_PORT and CLI_WORKER. A call is a connection to that port: the
number of words, the folder and the words, a NUL behind each; the answer is aws-cli's exit status, the lengths of what it
wrote to stdout and stderr, a newline, and both. aws_function of aws.bash does it. Credentials, region and the like are
those of this process, and a client of aws-cli is made once for all calls that make the same.

The calls are done one after the other, by a process that is forked from the one that has aws-cli loaded. Its id is in the
file CLI_WORKER, it leads a session, and whoever kills it in the middle of a call gets another for the next. The
server ends with its parent, or by a signal.
"""
import gc
import os
import signal
import socket
import sys
import time

import awscli.clidriver
import botocore.session


now = []		# the words of the call that is done


def remember_clients():
    """Most of a call's time would go into making one. But get-object hangs what saves the body on the client it makes."""
    make, made = botocore.session.Session.create_client, {}

    def create(self, *args, **options):
        if "get-object" in now:
            return make(self, *args, **options)
        key = repr((args, sorted((name, vars(value) if name == "config" and value else value)
                                 for name, value in options.items())))
        if key not in made:
            made[key] = make(self, *args, **options)
        return made[key]

    botocore.session.Session.create_client = create


def called(driver, words, streams):
    """The exit status, and what was written to each of the streams."""
    for stream, fd in zip(streams, (1, 2)):
        os.ftruncate(stream, 0)
        os.lseek(stream, 0, os.SEEK_SET)
        os.dup2(stream, fd)
    now[:] = words
    try:
        status = driver.main(words)
    except SystemExit as end:
        status = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    return status, [os.pread(stream, 1 << 30, 0) for stream in streams]


def answer(driver, caller, streams):
    said = b""
    while said.count(b"\0") < 2 or said.count(b"\0") < 2 + int(said[:said.index(b"\0")]):
        more = caller.recv(65536)
        if not more:
            return
        said += more
    _, folder, *words = map(os.fsdecode, said.split(b"\0")[:-1])
    os.chdir(folder)
    status, (out, err) = called(driver, words, streams)
    caller.sendall(b"%d %d %d\n" % (status, len(out), len(err)) + out + err)


def work(driver, server, streams):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        caller, _ = server.accept()
        with caller:
            answer(driver, caller, streams)


def worker(driver, server, streams, note):
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            with open(note + ".part", "w", encoding="ascii") as out:
                out.write(f"{os.getpid()}\n")
            os.rename(note + ".part", note)
            work(driver, server, streams)
        finally:
            os._exit(1)
    return pid


def main(ready, *known):
    remember_clients()
    driver = awscli.clidriver.create_clidriver()
    streams = [os.memfd_create(name) for name in ("out", "err")]
    log = os.dup(2)
    for words in known:
        status, written = called(driver, words.split(), streams)
        os.dup2(log, 2)
        if status:
            sys.exit(f"{words}: {status} {written}")
    gc.collect()
    gc.freeze()
    parent, pid = os.getppid(), 0

    def end(*_):
        if pid:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    with socket.create_server(("127.0.0.1", 0)) as server:
        pid = worker(driver, server, streams, ready + ".worker")
        with open(ready + ".part", "w", encoding="ascii") as out:
            out.write(f"CLI_PORT={server.getsockname()[1]}\nCLI_WORKER={ready}.worker\n")
        os.rename(ready + ".part", ready)
        while os.getppid() == parent:
            if os.waitpid(pid, os.WNOHANG)[0]:
                pid = worker(driver, server, streams, ready + ".worker")
            time.sleep(0.02)
    end()


main(*sys.argv[1:])
