#!/usr/bin/env python3
"""Records and Avro files by python3-avro, and in a plain form that all readers share.

    avrofile.py make N SEED            CSV of N random records of every type (avro.avsc)
    avrofile.py plain FILE.csv         CSV in the plain form
    avrofile.py read FILE.avro         an Avro file in the plain form
    avrofile.py header SCHEMA      a file without records, its schema not looked at
    avrofile.py write SCHEMA CODEC FILE.plain OUT.avro [RECORDS]   a block every RECORDS records

Plain form: a line a record, fields separated by tabs. null is \\N, a double or
float its bits in hex, an instant milliseconds, an array its strings joined by
U+001F with one before each.
"""
import csv
import datetime
import random
import struct
import sys

FIELDS = ("id", "note", "n", "big", "score", "ratio", "ok", "band", "tags", "more", "at", "when", "raw")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def double_hex(value):
    return struct.pack(">d", value).hex()


def float_hex(value):
    return struct.pack(">f", value).hex()


def joined(items):
    return "".join("\x1f" + item for item in items)


# ---- CSV ----

def millis(text):
    delta = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH
    return (delta.days * 86400 + delta.seconds) * 1000 + delta.microseconds // 1000


def plain_of(row):
    words = lambda text: joined(text.split(";")) if text else ""
    optional = lambda text, form: form(text) if text else "\\N"
    return "\t".join((
        row["id"], optional(row["note"], str), row["n"], optional(row["big"], str), optional(row["score"], lambda t: double_hex(float(t))),
        float_hex(float(row["ratio"])), optional(row["ok"], str), row["band"], words(row["tags"]), optional(row["more"], words),
        str(millis(row["at"])), optional(row["when"], lambda t: str(millis(t))), row["raw"]))


def instant(rnd):
    at = EPOCH + datetime.timedelta(milliseconds=rnd.randrange(253402300800000))
    text = at.strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{at.microsecond // 1000:03}Z" if at.microsecond else "Z")


def make(n, seed):
    rnd = random.Random(seed)
    word = lambda most: "".join(rnd.choice("abcdefghijklmnopqrstuvwxyz 0123456789éßЖ漢🎫,\"") for _ in range(rnd.randrange(most)))
    tags = lambda: ";".join(f"t{rnd.randrange(1000)}" for _ in range(rnd.randrange(5)))
    maybe = lambda value: value if rnd.random() < 0.7 else ""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(FIELDS)
    for i in range(n):
        score = rnd.choice((rnd.random(), rnd.randrange(1000001) / 1e6, struct.unpack("d", rnd.randbytes(8))[0], float(rnd.randrange(10 ** 18))))
        score = 0.5 if score != score or abs(score) == float("inf") else score
        out.writerow((
            f"nf{i}" + word(30), maybe(word(3000 if i % 100 == 0 else 60)), rnd.randrange(-2 ** 31, 2 ** 31),
            maybe(str(rnd.randrange(-2 ** 63, 2 ** 63) >> rnd.randrange(64))), maybe(repr(score)),
            repr(struct.unpack("f", struct.pack("f", rnd.random() * 1000))[0]), maybe(rnd.choice(("true", "false"))),
            rnd.choice(("low", "mid", "high")), tags(), tags(), instant(rnd), maybe(instant(rnd)), word(20)))


def plain(name):
    csv.field_size_limit(1 << 30)
    with open(name, newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            print(plain_of(row))


# ---- Avro ----

def read(name):
    import avro.datafile
    import avro.io
    with avro.datafile.DataFileReader(open(name, "rb"), avro.io.DatumReader()) as records:
        for r in records:
            optional = lambda value, form=str: "\\N" if value is None else form(value)
            to_millis = lambda at: str(at if isinstance(at, int) else round((at - EPOCH) / datetime.timedelta(milliseconds=1)))
            print("\t".join((
                r["id"], optional(r["note"]), str(r["n"]), optional(r["big"]), optional(r["score"], double_hex), float_hex(r["ratio"]),
                optional(r["ok"], lambda v: str(v).lower()), r["band"], joined(r["tags"]), optional(r["more"], joined), to_millis(r["at"]),
                optional(r["when"], to_millis), r["raw"].decode("utf-8"))))


def record_of(line):
    v = line.rstrip("\n").split("\t")
    optional = lambda text, form=str: None if text == "\\N" else form(text)
    words = lambda text: text.split("\x1f")[1:]
    at = lambda text: EPOCH + datetime.timedelta(milliseconds=int(text))
    return {
        "id": v[0], "note": optional(v[1]), "n": int(v[2]), "big": optional(v[3], int),
        "score": optional(v[4], lambda t: struct.unpack(">d", bytes.fromhex(t))[0]), "ratio": struct.unpack(">f", bytes.fromhex(v[5]))[0],
        "ok": optional(v[6], lambda t: t == "true"), "band": v[7], "tags": words(v[8]), "more": optional(v[9], words), "at": at(v[10]),
        "when": optional(v[11], at), "raw": v[12].encode("utf-8")}


def write(schema, codec, source, target, every=None):
    import avro.datafile
    import avro.io
    import avro.schema
    with open(schema, encoding="utf-8") as stream:
        parsed = avro.schema.parse(stream.read())
    writer = avro.datafile.DataFileWriter(open(target, "wb"), avro.io.DatumWriter(), parsed, codec=codec)
    with open(source, encoding="utf-8", newline="\n") as lines:
        for i, line in enumerate(lines):
            writer.append(record_of(line))
            if every is not None and (i + 1) % int(every) == 0:
                writer.sync()
    writer.close()


def header(schema):
    with open(schema, "rb") as stream:
        text = stream.read().strip()
    size = b""
    n = 2 * len(text)
    while n > 127:
        size += bytes([n & 127 | 128])
        n >>= 7
    sys.stdout.buffer.write(b"Obj\x01\x02\x16avro.schema" + size + bytes([n]) + text + b"\x00" + bytes(16))


WORKS = {"header": header, "make": lambda n, seed: make(int(n), int(seed)), "plain": plain, "read": read, "write": write}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in WORKS:
        sys.exit(f"usage: avrofile.py {'|'.join(WORKS)} ...")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    WORKS[sys.argv[1]](*sys.argv[2:])
