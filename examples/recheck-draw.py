#!/usr/bin/env python3
"""Re-check a fair draw with a stock Python 3 and nothing of this toolkit.

  recheck-draw.py --manifest draw.json --seed-file seed --result drawn.csv entrants.csv
  recheck-draw.py --manifest draw.json --seed-file seed --fan ID [--result drawn.csv] entrants.csv

Draws again from the same entrants, by the rules that the manifest names, and
compares.  Prints one line and ends with 0 when everything agrees; else ends
with 1 and says, first thing, what does not:

  seed-differs      the seed is not the one whose commitment was published
  limits-differ     the limits are not those announced (--limits), or do not
                    agree with the manifest's own counts
  entrants-differ   the entrants are not the files that the manifest lists
  result-differs    others were drawn, or in another order, or records changed

With --fan ID: prints the fan's draw key and, in each market where he stands,
his band and his place; to be compared with what was published.

How the draw works.  The seed is 32 secret bytes.  Before registration closed
BLAKE2b-256(seed) was published.  K = BLAKE2b-256, keyed with the seed, of
"vf-draw/1", the campaign, the wave and the public beacon (lower-case hex),
joined by NUL bytes.  A fan's draw key is BLAKE2b-128 of K and globalUserId.
In each market the candidates stand in the order of band (high, mid, low),
draw key, id; the first `limit` of them are drawn.
"""
import argparse
import csv
import hashlib
import json
import mmap
import os
import re
import sys

ALGORITHM = "vf-draw/1"
BANDS = ("high", "mid", "low")
LONGEST = 1 << 20                       # bytes of a record
FAN_ID = re.compile(rb"[!#-+\--:<-~]{1,128}\Z")         # printable, no space " , ;


class Differs(Exception):
    """A check that failed: the word and where."""


class Unusable(Exception):
    """The files cannot be checked at all."""


# Reading CSV: one record is one line; a bad record is skipped, but counted.

class Table:
    """A file's header, records and digest. A record is (line number, fields), fields None when it is bad."""

    def __init__(self, path, delimiter=None, aliases=()):
        self.path, self.count = path, 0
        self.data = contents(path)
        self.digest = hashlib.blake2b(self.data, digest_size=32).hexdigest()
        start = 0
        while self.data[start:start + 3] == b"\xef\xbb\xbf":
            start += 3
        self.lineno, line = 1, b""
        while not line:
            if start >= len(self.data):
                raise Unusable(f"{path}: empty")
            end = self.data.find(b"\n", start)
            end = len(self.data) if end < 0 else end
            line = self.data[start:end].removesuffix(b"\r")
            start, self.lineno = end + 1, self.lineno + 1
        self.start = start
        self.delimiter = delimiter or common_delimiter(line)
        self.record = record_pattern(self.delimiter)
        self.field = re.compile(field_pattern(self.delimiter))
        self.names = self.fields(line)
        if self.names is None:
            raise Unusable(f"{path}:1: a bad header")
        renamed = dict(alias.encode().split(b"=", 1)[::-1] for alias in aliases)
        self.names = [renamed.get(name, name) for name in self.names]

    def fields(self, line):
        """The values of a line, or None when its quoting is bad."""
        if b'"' not in line:
            return line.split(self.delimiter)
        match = self.record.match(line)
        if match is None or match.end() != len(line):
            return None
        return [unquote(f) for f in self.raw_fields(line)]

    def raw_fields(self, record):
        """Of a record that is known to be well formed."""
        raw, at = [], 0
        while True:
            match = self.field.match(record, at)
            raw.append(match.group())
            at = match.end() + 1
            if at > len(record):
                return raw

    def records(self):
        at, lineno, data, self.count = self.start, self.lineno, self.data, 0
        while at < len(data):
            end = data.find(b"\n", at)
            line = data[at:] if end < 0 else data[at:end].removesuffix(b"\r")
            after, lines = len(data) if end < 0 else end + 1, 1
            if line:
                fields = None
                if len(line) <= LONGEST and b"\0" not in line and is_utf8(line):
                    if b'"' not in line:
                        fields = line.split(self.delimiter)
                    else:
                        match = self.record.match(data, at, min(len(data), at + LONGEST + 2))
                        span = match.group() if match else b""
                        if b"\n" not in span:
                            fields = self.fields(line) if match else None
                        elif len(span) <= LONGEST and len(self.raw_fields(span)) == len(self.names):
                            # A quoted field over several lines: bad, but as a whole.
                            lines = span.count(b"\n") + 1
                            end = data.find(b"\n", match.end())
                            after = len(data) if end < 0 else end + 1
                    if fields is not None and (b"\r" in line or len(fields) != len(self.names)):
                        fields = None
                self.count += 1
                yield lineno, fields
            at, lineno = after, lineno + lines

    def column(self, name, needed=True):
        if name.encode() in self.names:
            return self.names.index(name.encode())
        if needed:
            raise Unusable(f"{self.path}: no column {name}")
        return -1


def contents(path):
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as f:
        try:
            return mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError):   # empty, or a pipe
            return f.read()


def common_delimiter(header):
    outside = re.sub(rb'"(?:[^"]|"")*"', b"", header)
    return max((b",", b"\t", b"|", b";"), key=outside.count)


def field_pattern(delimiter):
    return rb'(?:"[^"]*(?:""[^"]*)*"|[^"\n' + re.escape(delimiter) + rb']*)'


def record_pattern(delimiter):
    d, field = re.escape(delimiter), field_pattern(delimiter)
    return re.compile(field + rb"(?:" + d + field + rb")*(?=\r?\n|\Z)")


def unquote(field):
    return field[1:-1].replace(b'""', b'"') if field[:1] == b'"' else field


def is_utf8(line):
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# The draw.

def make_k(seed, manifest):
    texts = (ALGORITHM, manifest.get("campaignId") or "", manifest.get("waveId") or "", manifest.get("beacon") or "")
    return hashlib.blake2b("\0".join(texts).encode(), key=seed, digest_size=32).digest()


def draw_key(k, fan):
    return hashlib.blake2b(k + fan, digest_size=16).digest()


class Market:
    """Candidates seen, and the best of them in (band, key, id, fields, file, line)."""

    def __init__(self, limit):
        self.limit, self.seen, self.best, self.worst = limit, [0, 0, 0], [], None

    def add(self, candidate):
        self.seen[candidate[0]] += 1
        if self.worst is not None and candidate[:3] > self.worst:
            return
        self.best.append(candidate)
        if len(self.best) > 2 * self.limit + 1000:
            self.cut()

    def cut(self):
        self.best.sort(key=lambda c: (c[:3], c[4:]))
        del self.best[self.limit:]
        self.worst = self.best[-1][:3] if self.best else (-1,)


def read_entrants(tables, markets, k, one_market):
    for number, table in enumerate(tables):
        fan_at, band_at = table.column("globalUserId"), table.column("band")
        market_at = table.column("market", needed=not one_market)
        for lineno, fields in table.records():
            if fields is None:
                continue
            fan, band = fields[fan_at].strip(b" \t"), fields[band_at].strip(b" \t").decode()
            market = b"" if market_at < 0 else fields[market_at].strip(b" \t")
            if not FAN_ID.match(fan) or fan in (b"null", b"undefined") or band not in BANDS or market not in markets:
                continue
            markets[market].add((BANDS.index(band), draw_key(k, fan), fan, fields, number, lineno))


# The checks.

def load_manifest(path):
    def once(pairs):
        if len({key for key, _ in pairs}) != len(pairs):
            raise Unusable(f"{path}: a key is there twice")
        return dict(pairs)
    with open(path, encoding="utf-8") as f:
        manifest = json.load(f, object_pairs_hook=once)
    if manifest.get("algorithm") != ALGORITHM:
        raise Unusable(f"{path}: the algorithm is not {ALGORITHM}")
    for key in ("limits", "commitment", "markets", "entrants", "result"):
        if key not in manifest:
            raise Unusable(f"{path}: no {key}")
    return manifest


def load_seed(path):
    text = open(path, "rb").read(66) if path else os.environ.get("VF_DRAW_SEED", "").encode()
    if not re.fullmatch(rb"[0-9A-Fa-f]{64}\n?", text):
        raise Unusable(f"{path or 'VF_DRAW_SEED'}: not a seed of 64 hex digits")
    return bytes.fromhex(text.decode())


def check_seed(seed, manifest, path):
    commitment = hashlib.blake2b(seed, digest_size=32).hexdigest()
    if commitment != manifest["commitment"].lower():
        raise Differs(f"seed-differs: {path}: the seed's commitment is {commitment}, the manifest's is "
                      f"{manifest['commitment']}")


def check_limits(manifest, path, announced):
    limits = manifest["limits"]
    if announced:
        with open(announced, newline="", encoding="utf-8-sig") as f:
            expected = {row["market"].strip(): int(row["limit"]) for row in csv.DictReader(f)}
        for market in sorted(set(limits) | set(expected)):
            if limits.get(market) != expected.get(market):
                raise Differs(f"limits-differ: {path}: market {market}: its limit is not the one announced")
    for market in sorted(set(limits) | set(manifest["markets"])):
        counts = manifest["markets"].get(market)
        if market not in limits or counts is None:
            raise Differs(f"limits-differ: {path}: market {market}: has no " + ("counts" if counts is None else "limit"))
        if counts["drawn"] != min(limits[market], sum(counts[band] for band in BANDS)):
            raise Differs(f"limits-differ: {path}: market {market}: the number drawn is not what the limit and the "
                          "candidates give")


def check_entrants(tables, manifest, path):
    listed = manifest["entrants"]
    for table, entry in zip(tables, listed):
        if table.count != entry["records"]:
            raise Differs(f"entrants-differ: {table.path}: {table.count} records, the manifest has {entry['records']}")
        if table.digest != entry["blake2b"].lower():
            raise Differs(f"entrants-differ: {table.path}: its bytes are not those of the manifest's digest")
    if len(tables) > len(listed):
        raise Differs(f"entrants-differ: {tables[len(listed)].path}: not in the manifest")
    if len(tables) < len(listed):
        raise Differs(f"entrants-differ: {path}: {listed[len(tables)]['file']} was not given")


def check_counts(markets, manifest, path):
    for market, state in sorted(markets.items()):
        counts = manifest["markets"][market.decode()]
        if state.seen != [counts[band] for band in BANDS]:
            raise Differs(f"entrants-differ: {path}: market {market.decode()}: its candidates are not those of the "
                          "entrants")


def expected_rows(markets, names):
    """What the result has to hold: every field of the record as it came, and the place."""
    place_at = names.index(b"drawPosition") if b"drawPosition" in names else len(names)
    for _, state in sorted(markets.items()):
        state.cut()
        for place, candidate in enumerate(state.best, 1):
            fields = list(candidate[3])
            fields[place_at:place_at + 1] = [b"%d" % place]
            yield fields


def check_result(markets, manifest, path, result, entrants):
    names = list(entrants.names)
    if b"drawPosition" not in names:
        names.append(b"drawPosition")
    if result.names != names:
        raise Differs(f"result-differs: {result.path}:1: not the columns of the entrants and drawPosition")
    records, lineno = result.records(), 1
    for expected in expected_rows(markets, entrants.names):
        lineno, fields = next(records, (lineno + 1, ()))
        if fields != expected:
            raise Differs(f"result-differs: {result.path}:{lineno}: "
                          + ("not the record that the draw puts here" if fields != () else "the file ends, the draw goes on"))
    extra = next(records, None)
    if extra is not None:
        raise Differs(f"result-differs: {result.path}:{extra[0]}: the draw ends, the file goes on")
    if result.digest != manifest["result"]["blake2b"].lower() or result.count != manifest["result"]["records"]:
        raise Differs(f"result-differs: {path}: the result's digest or records are not those of {result.path}")
    return result.count


def show_fan(fan, tables, markets, k, limits):
    """One fan's key and, where he stands, how many are before him."""
    key, found = draw_key(k, fan), []
    print(f"draw key {key.hex()}")
    for table in tables:
        fan_at, band_at, market_at = table.column("globalUserId"), table.column("band"), table.column("market", False)
        for _, fields in table.records():
            if fields is not None and fields[fan_at].strip(b" \t") == fan:
                found.append((b"" if market_at < 0 else fields[market_at].strip(b" \t"),
                              fields[band_at].strip(b" \t").decode()))
    for market, band in found:
        name = f"market {market.decode()}: " if market else ""
        if band not in BANDS or market not in markets:
            print(f"{name}no candidate (band {band}" + (")" if market in markets else ", no limit for the market)"))
            continue
        mine, before = (BANDS.index(band), key, fan), 0
        for table in tables:
            fan_at, band_at = table.column("globalUserId"), table.column("band")
            market_at = table.column("market", False)
            for _, fields in table.records():
                if fields is None or (market_at >= 0 and fields[market_at].strip(b" \t") != market):
                    continue
                other, its_band = fields[fan_at].strip(b" \t"), fields[band_at].strip(b" \t").decode()
                if its_band not in BANDS or not FAN_ID.match(other) or other in (b"null", b"undefined"):
                    continue
                rank = BANDS.index(its_band)
                before += rank < mine[0] or (rank == mine[0] and (rank, draw_key(k, other), other) < mine)
        limit = limits[market.decode()]
        print(f"{name}band {band}, place {before + 1}, limit {limit}: " + ("drawn" if before < limit else "not drawn"))
    if not found:
        print("not among the entrants")
    return 0 if found else 1


def check(args):
    manifest = load_manifest(args.manifest)
    seed = load_seed(args.seed_file)
    check_seed(seed, manifest, args.manifest)
    k = make_k(seed, manifest)
    delimiter = args.delimiter.encode().decode("unicode_escape").encode() if args.delimiter else None
    tables = [Table(path, delimiter, args.column) for path in args.entrants]
    markets = {name.encode(): Market(limit) for name, limit in manifest["limits"].items()}
    if args.fan:
        return show_fan(args.fan.encode(), tables, markets, k, manifest["limits"])
    check_limits(manifest, args.manifest, args.limits)
    read_entrants(tables, markets, k, one_market=set(markets) == {b""})
    check_entrants(tables, manifest, args.manifest)
    check_counts(markets, manifest, args.manifest)
    drawn = check_result(markets, manifest, args.manifest, Table(args.result, b","), tables[0])
    print(f"the draw holds: {sum(sum(m.seen) for m in markets.values())} candidates in {len(markets)} markets, {drawn} drawn")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", required=True, help="the manifest that was published with the result")
    parser.add_argument("--seed-file", help="the seed, now open: 64 hex digits (or VF_DRAW_SEED)")
    parser.add_argument("--result", help="the records that were drawn; needed without --fan")
    parser.add_argument("--limits", help="CSV market,limit: the limits that were announced")
    parser.add_argument("--fan", metavar="ID", help="show one fan's draw key and place instead")
    parser.add_argument("--delimiter", help="of the entrants; default: found in the header")
    parser.add_argument("--column", action="append", default=[], metavar="CANON=ACTUAL",
                        help="read the column ACTUAL as CANON (as vf-draw was told)")
    parser.add_argument("entrants", nargs="+", help="the files that were drawn from, in their order")
    args = parser.parse_args()
    if not args.fan and not args.result:
        parser.error("--result is needed")
    try:
        return check(args)
    except Differs as e:
        print(f"recheck-draw.py: {e}", file=sys.stderr)
        return 1
    except (Unusable, OSError) as e:
        print(f"recheck-draw.py: {e}", file=sys.stderr)
        return 2
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        print(f"recheck-draw.py: a file is not what it should be: {type(e).__name__}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
