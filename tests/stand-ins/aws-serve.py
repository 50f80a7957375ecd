#!/usr/bin/env python3
"""The real aws-cli, loaded once: for tests that call it many times, since a start takes a second.

    aws-serve.py SOCKET [WORD...]   serves; each WORDS (split at spaces) is called once before, to have it loaded
    aws-serve.py --call SOCKET ARGUMENT...   the aws command: its words, folder, environment and streams go to the server

Each call is a process of its own, forked from the one that has aws-cli loaded, with the caller's streams, and ends
with aws-cli's own exit status. The server ends with its parent, or by a signal; SOCKET appears when it takes calls.
"""
import os
import signal
import socket
import sys


def call(path, words):
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        said = b"\0".join(os.fsencode(word) for word in [os.getcwd(), str(len(words)), *words,
                                                         *(f"{name}={value}" for name, value in os.environ.items())])
        socket.send_fds(server, [len(said).to_bytes(4, "big")], [0, 1, 2])
        server.sendall(said)
        status = server.recv(1)
    return status[0] if status else 137


def answer(driver, caller):
    head, streams, _, _ = socket.recv_fds(caller, 4, 3)
    said, size = b"", int.from_bytes(head, "big")
    while len(said) < size:
        said += caller.recv(size - len(said))
    folder, count, *words = map(os.fsdecode, said.split(b"\0"))
    words, names = words[:int(count)], words[int(count):]
    for i, stream in enumerate(streams):
        os.dup2(stream, i)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(name.split("=", 1) for name in names)
    try:
        status = driver.main(words)
    except SystemExit as end:
        status = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(bytes([status]))


def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def serve(path, known):
    import awscli.clidriver
    driver = awscli.clidriver.create_clidriver()
    for words in known:
        driver.main(words.split())
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGCHLD, reap)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path + ".part")
        server.listen(16)
        server.settimeout(0.5)
        os.rename(path + ".part", path)
        while os.getppid() == parent:
            try:
                caller, _ = server.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                caller.settimeout(None)
                try:
                    answer(driver, caller)
                finally:
                    os._exit(0)
            caller.close()


if sys.argv[1] == "--call":
    sys.exit(call(sys.argv[2], sys.argv[3:]))
serve(sys.argv[1], sys.argv[2:])
