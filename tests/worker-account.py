#!/usr/bin/env python3
"""worker-account.py ACCOUNT PREFIX LAST: what Marketing Cloud's stand-in was asked by workers that were killed.

A worker is told by the second part of the address it used; LAST is the one that was not killed. A job may be
asked for again only by a later worker, where the earlier one was killed with the job's answer or its deletion
under way: such a job is among the last it asked for. Prints what it counted; 1 when a job breaks the rule.
"""
import json
import sys

UNDER_WAY = 30  # two requests of five, two batches of deletions of ten

account, prefix, last = sys.argv[1:]
runs = {}  # worker: the keys it asked for, in order
with open(account, encoding="utf-8") as lines:
    for line in map(json.loads, lines):
        keys = [key for key in line.get("keys", []) if key.startswith(prefix + "-")]
        if keys:
            runs.setdefault(line["of"], []).extend(keys)
asked, again, bad, distances = {}, 0, 0, []
for run, keys in runs.items():
    for key in keys:
        if key in asked:
            again += 1
            before = asked[key]
            if before == run:
                bad += 1
                print(f"{key}: asked for twice by {run}")
            elif before == last:
                bad += 1
                print(f"{key}: asked for again after {last}, which was not killed")
            else:
                distances.append(len(runs[before]) - max(i for i, k in enumerate(runs[before]) if k == key))
        asked[key] = run
for distance in distances:
    if distance > UNDER_WAY:
        bad += 1
        print(f"a job was asked for again that lay {distance} jobs before the end of its worker")
if len(runs) < 6:
    bad += 1
    print("hardly any worker was killed at work: this tells nothing")
print(f"{len(asked)} jobs, {len(runs)} workers that asked, {again} asked for again, at most {max(distances, default=0)} before the end")
sys.exit(bad > 0)
