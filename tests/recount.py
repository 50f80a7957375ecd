#!/usr/bin/env python3
"""Recounts vf-score on random damaged files with the independent model.

    recount.py [--tool vf-score] --dir DIR --seed FIRST [--count N]

For every seed: the same output bytes, the same rejects (file, line, reason, record),
the same counts, the same exit status. A difference is named with its seed, exit 1.
Files stay in DIR when they differ.
"""
import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter

sys.dont_write_bytecode = True		# the source tree may be read-only, and stays clean
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import damage		# noqa: E402
import reference	# noqa: E402


def run_tool(tool, folder, paths, flags, by_stdin):
	rejects, stats = os.path.join(folder, "rejects.csv"), os.path.join(folder, "stats.ndjson")
	command = [tool] + flags + ["--rejects", rejects, "--stats", stats] + ([] if by_stdin else paths)
	stdin = open(paths[0], "rb") if by_stdin else subprocess.DEVNULL
	try:
		done = subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
	finally:
		if by_stdin:
			stdin.close()
	csv.field_size_limit(1 << 27)
	with open(rejects, newline="", encoding="utf-8") as f:
		rows = list(csv.DictReader(f))
	with open(stats, encoding="utf-8") as f:
		line = json.loads(f.readline())
	return done, rows, line


def model(paths, flags, by_stdin):
	header, records = reference.read_files(paths)
	if by_stdin:
		for r in records:
			r.file = "stdin"
	of = int(flags[flags.index("--of") + 1]) if "--of" in flags else None
	return records, reference.score(header, records, "--ranks" in flags, of, allow_duplicates="--allow-duplicates" in flags)


def record_agrees(shown, raw):
	"""The cut at 64 KiB may fall a little before the bound, never elsewhere."""
	whole = reference.escaped(raw)
	if shown == whole:
		return True
	return len(raw) > reference.RECORD_SHOWN - 16 and len(shown) > reference.RECORD_SHOWN // 4 - 16 and whole.startswith(shown)


def compare(done, rows, line, records, out, refused):
	faults = []
	want = out.bytes()
	if done.returncode != 0:
		return ["exit %d: %s" % (done.returncode, done.stderr.decode("utf-8", "replace")[:300])]
	got_head, _, got = done.stdout.partition(b"\n")
	names = reference.read(got_head + b"\n", b",")[0].names
	if names != out.names:
		faults.append("header %r, the model says %r" % (names, out.names))
	want = want.partition(b"\n")[2]
	if got != want:
		g, w = got.split(b"\n"), want.split(b"\n")
		k = next((k for k, (a, b) in enumerate(zip(g, w)) if a != b), min(len(g), len(w)))
		faults.append("output line %d: got %r, the model says %r" % (k + 2, g[k:k + 1], w[k:k + 1]))
	got_r = [(r["file"], int(r["line"]), r["reason"]) for r in rows]
	want_r = [(r.file, r.lineno, why) for r, why in refused]
	if got_r != want_r:
		k = next((k for k, (a, b) in enumerate(zip(got_r, want_r)) if a != b), min(len(got_r), len(want_r)))
		faults.append("reject %d: got %r, the model says %r" % (k + 1, got_r[k:k + 1], want_r[k:k + 1]))
	else:
		for row, (r, _) in zip(rows, refused):
			if not record_agrees(row["record"], r.raw):
				faults.append("line %d: the record in the rejects: %.200r" % (r.lineno, row["record"]))
			if r.reason == "line-break" and len(r.raw) < reference.RECORD_SHOWN // 4 and row["detail"] != str(r.lines):
				faults.append("line %d: detail %r, lines %d" % (r.lineno, row["detail"], r.lines))
	for key, value in (("in", len(records)), ("out", len(out.rows)), ("rejected", len(refused)), ("exit", 0)):
		if line[key] != value:
			faults.append("stats %s: %r, the model says %d" % (key, line[key], value))
	if {k: v for k, v in line["reasons"].items() if v} != dict(Counter(why for _, why in refused)):
		faults.append("stats reasons: %r" % line["reasons"])
	if line["in"] != line["out"] + line["rejected"]:
		faults.append("in is not out + rejected")
	bands = Counter(reference.unquote(r[out.names.index("band")]).decode() for r in out.rows)
	if {k: v for k, v in line["bands"].items() if v} != dict(bands):
		faults.append("stats bands: %r" % line["bands"])
	return faults


def one(tool, seed, root):
	folder = os.path.join(root, str(seed))
	shutil.rmtree(folder, ignore_errors=True)
	os.makedirs(folder)
	files, ranks = damage.make(seed)
	paths = []
	for k, data in enumerate(files, 1):
		paths.append(os.path.join(folder, "%d.csv" % k))
		with open(paths[-1], "wb") as f:
			f.write(data)
	dice = random.Random(seed * 7919 + 1)
	flags = (["--ranks"] if ranks else []) + (["--of", "45"] if ranks and dice.random() < 0.3 else [])
	flags += ["--allow-duplicates"] if dice.random() < 0.2 else []
	by_stdin = len(paths) == 1 and dice.random() < 0.4
	records, (out, refused) = model(paths, flags, by_stdin)
	done, rows, line = run_tool(tool, folder, paths, flags, by_stdin)
	faults = compare(done, rows, line, records, out, refused)
	if not faults:
		shutil.rmtree(folder)
	return faults, len(records), len(refused)


def main():
	parser = argparse.ArgumentParser(description="recounts vf-score on damaged files")
	parser.add_argument("--tool", default="vf-score")
	parser.add_argument("--dir", required=True)
	parser.add_argument("--seed", type=int, required=True)
	parser.add_argument("--count", type=int, default=1)
	args = parser.parse_args()
	records = refused = bad = 0
	for seed in range(args.seed, args.seed + args.count):
		faults, n, r = one(args.tool, seed, args.dir)
		records, refused, bad = records + n, refused + r, bad + bool(faults)
		for text in faults:
			print("seed %d: %s" % (seed, text))
	print("%d seeds from %d: %d records, %d rejected, %d seeds differ" % (args.count, args.seed, records, refused, bad))
	return 1 if bad or not records else 0


if __name__ == "__main__":
	sys.exit(main())
