#!/usr/bin/env python3
"""Kills a tool at random moments and judges after each kill what it left.

    kill.py assign FANS KILLS     vf-assign: the ledger lost, changed and doubled nothing, and each row that came out has
                                  its line in the ledger
    kill.py wave RECORDS KILLS    vf-wave --replace: the folder is one of the two whole waves

Works in the current folder; the moments lie within the length of a whole run. Its seed is printed; VF_TEST_SEED repeats
its moments.
"""

import os
import random
import shutil
import subprocess
import sys
import time


def read(path):
    with open(path, "rb") as stream:
        return stream.read()


def write(path, *lines):
    with open(path, "w", encoding="ascii") as out:
        out.writelines(line + "\n" for line in lines)


class Killer:
    def __init__(self, kills):
        seed = int(os.environ.get("VF_TEST_SEED") or random.randrange(1 << 30))
        print(f"seed {seed} (VF_TEST_SEED={seed} repeats its moments)", flush=True)
        self.chance, self.kills, self.now, self.hit, self.length = random.Random(seed), kills, 0, 0, 0

    def whole(self, command):
        """Runs it undisturbed: how long that takes is where the moments lie."""
        start = time.monotonic()
        subprocess.run(command, check=True)
        self.length = time.monotonic() - start

    def each(self, command_of):
        """The command of each turn, killed."""
        for self.now in range(1, self.kills + 1):
            with open("out.csv", "wb") as out, open("err.txt", "wb") as err:
                run = subprocess.Popen(command_of(self.now), stdout=out, stderr=err)
                time.sleep(self.chance.random() * self.length)
                run.kill()
                hit = run.wait() == -9
            # What came after the end was for nothing; so that most are not, on a machine that is busy or no longer so.
            self.length *= 1.02 if hit else 0.9
            self.hit += hit
            yield

    def say(self):
        print(f"{self.hit} of {self.kills} met the run")
        if self.hit * 4 < self.kills:
            self.fail("too few kills met the run")

    def fail(self, why):
        sys.exit(f"kill {self.now}: {why}")


def assign(fans, killer):
    write("config.json", '{"id":"c1","markets":[],"waves":[]}')
    write("codes.csv", "code", *("A%08d" % i for i in range(1, fans + 101)))
    # 16 MiB of records: rows leave in blocks of 4 MiB, and kills come between them.
    note = "x" * ((16 << 20) // fans)
    write("in.csv", "globalUserId,note", *(f"nf{i},{note}" for i in range(1, fans + 1)))
    command = ["vf-assign", "-c", "config.json", "--wave", "w1", "--codes", "codes.csv", "--ledger"]
    before, code_of, given = b"", {}, set()

    def add(lines):
        for line in lines:
            fan, code = line.split(b",")[:2]
            if fan in code_of:
                killer.fail("a fan with two codes")
            if code in given:
                killer.fail("a code for two fans")
            code_of[fan] = code
            given.add(code)

    killer.whole([*command, "try.csv", "-o", os.devnull, "in.csv"])
    for _ in killer.each(lambda now: [*command, "ledger.csv", "in.csv"]):
        if not os.path.exists("ledger.csv"):
            continue
        # What was acknowledged stays as it was, at the file's start. A torn line at its end is cut by the next run.
        ledger = read("ledger.csv")
        if not ledger.startswith(before):
            killer.fail("an earlier line changed")
        whole = ledger[:ledger.rfind(b"\n") + 1]
        if not whole.startswith(before):
            killer.fail("a whole line is gone")
        add(whole[len(before):].split(b"\n")[0 if before else 1:-1])
        before = whole
        for row in read("out.csv").split(b"\n"):
            if row.endswith(b",generated"):
                row = row.split(b",")
                if code_of.get(row[0]) != row[2]:
                    killer.fail("a row came out that the ledger does not have")
        if len(code_of) >= fans:		# start anew, so that later kills meet work
            os.unlink("ledger.csv")
            before, code_of, given = b"", {}, set()
    killer.say()
    last = [*command, "ledger.csv", "in.csv", "-o"]
    subprocess.run([*last, "done.csv"], check=True, stderr=subprocess.DEVNULL)
    code_of, given = {}, set()
    add(read("ledger.csv").split(b"\n")[1:-1])
    if len(read("done.csv").split(b"\n")) != fans + 2 or len(given) != fans:
        killer.fail("not every fan has a code at the end")
    subprocess.run([*last, "again.csv"], check=True)
    if read("done.csv") != read("again.csv"):
        killer.fail("a second run differs")


def files(folder):
    """What is in it, as bytes by name; None where there is none."""
    if not os.path.isdir(folder):
        return None
    return {os.path.relpath(os.path.join(place, name), folder): read(os.path.join(place, name))
            for place, _, names in os.walk(folder) for name in names}


def wave(records, killer):
    write("config.json", '{"id":"c1","markets":[],"waves":[]}')
    for name in "ab":
        write(name + ".csv", "globalUserId,email,phone,code,codeType",
              *(f"{name}{i},fan{i}@example.com,+12125550101,A{i},generated" for i in range(1, records + 1)))
    command = ["vf-wave", "-c", "config.json", "--wave", "w1", "--notify-date", "2027-06-01T12:00:00Z",
               "--now", "2027-01-01T00:00:00Z", "--out", "wave", "--replace"]
    whole = {}
    for name in "ba":
        killer.whole([*command, name + ".csv"])
        whole[name] = files("wave")
    assert whole["a"] != whole["b"]
    for _ in killer.each(lambda now: [*command, "ab"[now % 2] + ".csv"]):
        if files("wave") not in whole.values():
            killer.fail("the folder is neither wave")
    killer.say()
    killer.whole([*command, "a.csv"])
    if files("wave") != whole["a"]:
        killer.fail("the last wave")
    if any(name.startswith(".vf-wave") for name in os.listdir(".")):
        killer.fail("temporary folders are left")


{"assign": assign, "wave": wave}[sys.argv[1]](int(sys.argv[2]), Killer(int(sys.argv[3])))
