#!/usr/bin/env python3
"""Reads the table as Athena would, whenever it is asked, and by a reader of Avro that is none of ours.

    lake-reader.py FOLDER [TABLE STATE...]    until FOLDER/ask says quit, or its parent has ended

A line in FOLDER/ask is answered by one in FOLDER/answer:

    make FILE RECORDS FIRST      writes a file of registrations nf<FIRST>...; it appears when it is complete
    sees TABLE [FIRST-LAST...]   `right` when exactly the records nf<FIRST> to nf<LAST> are seen below TABLE, each once; else
                                 what is seen
    files ROOT                   the names below it, in byte order
    save NAME, restore NAME      the folders STATE, to NAME and back
    kill N WORD...               which state are we in? What lies below the folders STATE, by name. Nobody
                                 may be seen twice in TABLE. Each such look goes to FOLDER/looks: the state, how many
                                 records are seen, what was said; or `twice` and a name.
"""
import hashlib
import os
import re
import select
import shutil
import sys

import avro

folder, table, states = sys.argv[1], (sys.argv[2:] or [""])[0], sys.argv[3:]
cache = {}


def below(root):
    return [(place, name) for place, _, names in os.walk(root) for name in names]


def seen(root):
    """Ids by file. A file is read again when it is another."""
    found = {}
    for place, name in below(root):
        if name[0] in "_." or not name.endswith(".avro"):
            continue
        path = os.path.join(place, name)
        at = os.stat(path)
        key = (path, at.st_ino, at.st_size, at.st_mtime_ns)
        if key not in cache:
            cache[key] = [record["id"] for record in avro.records(path)]
        found[path] = cache[key]
    return found


def state():
    """What is there, without what a run chooses at will: names of messages and of unfinished files."""
    names = [re.sub(r"^\d{16}\.", "N.", re.sub(r"\.[^~]*~\d+~\d+~\d+\.part$", ".part", name)) + "@" +
             os.path.relpath(place, root) for root in states for place, name in below(root)]
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]


def make(name, records, first):
    place, base = os.path.split(name)
    os.makedirs(place, exist_ok=True)
    avro.make(f"{place}/.{base}", int(records), int(first), codec="deflate")
    os.rename(f"{place}/.{base}", name)
    return "made"


def sees(root, *ranges):
    ids = sorted(name for some in seen(root).values() for name in some)
    ends = [map(int, part.split("-")) for part in ranges]
    right = ids == sorted(f"nf{i}" for first, last in ends for i in range(first, last + 1))
    return "right" if right else " ".join(["wrong", *ids])


def files(root):
    return " ".join(sorted(os.path.relpath(os.path.join(*at), root) for at in below(root) if at[1] != ".claim.lock"))


def save(place):
    for i, root in enumerate(states):
        shutil.copytree(root, f"{place}/{i}", symlinks=True)
    return "saved"


def restore(place):
    for i, root in enumerate(states):
        shutil.rmtree(root)
        shutil.copytree(f"{place}/{i}", root, symlinks=True)
    return "restored"


def kill(*words):
    """A step is about to be done, and perhaps killed."""
    ids, line = [], " ".join(words)
    for name, some in seen(table).items():
        if len(set(some)) != len(some) or set(ids) & set(some):
            log.write(f"twice {name} at {line}\n")
        ids += some
    answer = state()
    log.write(f"{answer} {len(ids)} {line}\n")
    return answer


def main():
    # Both opened for both: there is no end of file between two that ask, or two answers.
    back, parent = os.open(folder + "/answer", os.O_RDWR), os.getppid()
    with os.fdopen(os.open(folder + "/ask", os.O_RDWR), "r", buffering=1) as asked:
        while os.getppid() == parent:
            if not select.select([asked], [], [], 1)[0]:
                continue
            word, *arguments = asked.readline().split()
            if word == "quit":
                return
            os.write(back, (words[word](*arguments) + "\n").encode())


words = {function.__name__: function for function in (make, sees, files, save, restore, kill)}
with open(folder + "/looks", "a", buffering=1, encoding="utf-8") as log:
    main()
