#!/usr/bin/env python3
"""Reads the table as Athena would, whenever it is asked, and by a reader of Avro that is none of ours.

    lake-reader.py FOLDER TABLE STATE...    until FOLDER/ask says quit

A line in FOLDER/ask is answered in FOLDER/answer. `final FIRST LAST`: are exactly the records nf<FIRST> to nf<LAST>
seen, each once? Anything else: which state are we in? What lies below the folders STATE, by name. Each look goes to
FOLDER/looks: the state, how many records are seen, what was said; or `twice` and a name.
"""
import hashlib
import os
import re
import sys

import avro

folder, table, states = sys.argv[1], sys.argv[2], sys.argv[3:]
cache = {}


def seen():
    """Ids by file. A file is read again when it is another."""
    found = {}
    for place, _, names in os.walk(table):
        for name in names:
            path = os.path.join(place, name)
            if name[0] in "_." or not name.endswith(".avro"):
                continue
            at = os.stat(path)
            key = (path, at.st_ino, at.st_size, at.st_mtime_ns)
            if key not in cache:
                cache[key] = [record["id"] for record in avro.records(path)]
            found[path] = cache[key]
    return found


def state():
    """What is there, without what a run chooses at will: names of messages and of unfinished files."""
    names = []
    for root in states:
        for place, _, files in os.walk(root):
            names += [re.sub(r"^\d{16}\.", "N.", re.sub(r"(\.json|\.avro)\.\w{6}$", r"\1.part", name)) + "@" +
                      os.path.relpath(place, root) for name in files]
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]


def main():
    with open(folder + "/looks", "a", buffering=1) as log:
        # Both opened for both: there is no end of file between two that ask, or two answers.
        with os.fdopen(os.open(folder + "/ask", os.O_RDWR), "r", buffering=1) as asked:
            back = os.open(folder + "/answer", os.O_RDWR)
            for line in asked:
                words = line.split()
                if words[0] == "quit":
                    return
                ids, answer = [], state()
                for name, some in seen().items():
                    if len(set(some)) != len(some) or set(ids) & set(some):
                        log.write(f"twice {name} at {line}")
                    ids += some
                if words[0] == "final":
                    right = sorted(ids) == sorted("nf%d" % i for i in range(int(words[1]), int(words[2]) + 1))
                    answer = "right" if right else "wrong"
                log.write(f"{answer} {len(ids)} {line}")
                os.write(back, (answer + "\n").encode())


main()
