#!/usr/bin/env python3
"""Avro container files by a plain Python of our own, written from the specification: for tests.

    avro.py make FILE [--records N] [--first I] [--block N] [--codec C] [--schema TEXT]
    avro.py dump FILE...        each record as one line of JSON, in order
    avro.py head FILE           {"codec", "blocks", "records", "meta"}
    avro.py loose FILE          three registrations in a block that zlib does not inflate

`make` writes registrations: {"id": "nf<I>", "score": I / 1000, "market": null or a name}.
"""
import json
import struct
import sys
import zlib

SCHEMA = (
    '{"type":"record","name":"Registration","namespace":"example","fields":[{"name":"id","type":"string"},'
    '{"name":"score","type":"double"},{"name":"market","type":["null","string"]}]}'
)
SYNC = b"0123456789abcdef"


def put_long(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_bytes(value):
    return put_long(len(value)) + value


def literals(data):
    """A snappy stream of literals alone."""
    out, n = bytearray(), len(data)
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    for at in range(0, len(data), 60):
        part = data[at:at + 60]
        out += bytes([(len(part) - 1) << 2]) + part
    return bytes(out)


def loose(data):
    """A deflate stream of literals alone, with 32 distance codes where zlib allows 30: libdeflate takes it, zlib does not."""
    bits = []

    def put(value, n):
        bits.extend(value >> i & 1 for i in range(n))

    def put_code(value, n):
        bits.extend(value >> i & 1 for i in reversed(range(n)))

    for value, n in (1, 1), (2, 2), (257 - 257, 5), (32 - 1, 5), (19 - 4, 4):
        put(value, n)
    for symbol in 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15:
        put({8: 1, 0: 2, 9: 2}.get(symbol, 0), 3)
    # 255 literals of 8 bits, the last one and the end of 9, no distances.
    for value, n, times in (0, 1, 255), (3, 2, 2), (2, 2, 32):
        for _ in range(times):
            put_code(value, n)
    for byte in data:
        put_code(*((byte, 8) if byte < 255 else (510, 9)))
    put_code(511, 9)
    bits.extend([0] * (-len(bits) % 8))
    return bytes(sum(bit << i for i, bit in enumerate(bits[at:at + 8])) for at in range(0, len(bits), 8))


def store(data, codec):
    if codec == "deflate":
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush()
    if codec == "snappy":
        return literals(data) + struct.pack(">I", zlib.crc32(data))
    return data


def header(schema, codec, meta=(), sync=SYNC):
    entries = [("avro.schema", schema.encode()), ("avro.codec", codec.encode()), *meta]
    return b"Obj\1" + put_long(len(entries)) + b"".join(put_bytes(k.encode()) + put_bytes(v) for k, v in entries) + put_long(0) + sync


def block(count, data, codec="null", sync=SYNC):
    raw = store(data, codec)
    return put_long(count) + put_bytes(raw) + sync


def registration(i):
    market = put_long(0) if i % 3 == 0 else put_long(1) + put_bytes(b"M%d" % (i % 7))
    return put_bytes(b"nf%d" % i) + struct.pack("<d", i / 1000) + market


def make(name, records=10, first=0, per_block=1000, codec="null", schema=SCHEMA, meta=(), sync=SYNC):
    with open(name, "wb") as out:
        out.write(header(schema, codec, meta, sync))
        for at in range(first, first + records, per_block):
            n = min(per_block, first + records - at)
            out.write(block(n, b"".join(registration(i) for i in range(at, at + n)), codec, sync))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if n < 0 or self.at + n > len(self.data):
            raise ValueError("cut off")
        self.at += n
        return self.data[self.at - n:self.at]

    def long(self):
        shift = value = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value >> 1 ^ -(value & 1)

    def bytes(self):
        return self.take(self.long())


def unsnap(raw):
    stream, crc = Reader(raw[:-4]), raw[-4:]
    shift = size = 0
    while True:
        byte = stream.take(1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    out = bytearray()
    while stream.at < len(stream.data):
        tag = stream.take(1)[0]
        if tag & 3 == 0:
            n = tag >> 2
            if n >= 60:
                n = int.from_bytes(stream.take(n - 59), "little")
            out += stream.take(n + 1)
            continue
        if tag & 3 == 1:
            n, back = 4 + (tag >> 2 & 7), (tag >> 5) << 8 | stream.take(1)[0]
        else:
            n, back = 1 + (tag >> 2), int.from_bytes(stream.take(2 if tag & 3 == 2 else 4), "little")
        for _ in range(n):
            out.append(out[-back])
    if len(out) != size or struct.pack(">I", zlib.crc32(bytes(out))) != crc:
        raise ValueError("a damaged snappy block")
    return bytes(out)


def datum(reader, schema, names):
    if isinstance(schema, list):
        return datum(reader, schema[reader.long()], names)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, (dict, list)):
        return datum(reader, kind, names)
    if kind in names:
        return datum(reader, names[kind], names)
    if kind == "record":
        names[schema["name"]] = schema
        return {f["name"]: datum(reader, f["type"], names) for f in schema["fields"]}
    if kind == "array":
        items = []
        while (n := reader.long()) != 0:
            if n < 0:
                n = -n
                reader.long()
            items += [datum(reader, schema["items"], names) for _ in range(n)]
        return items
    if kind == "enum":
        return schema["symbols"][reader.long()]
    plain = {
        "null": lambda: None, "boolean": lambda: reader.take(1) == b"\1", "int": reader.long, "long": reader.long,
        "float": lambda: struct.unpack("<f", reader.take(4))[0], "double": lambda: struct.unpack("<d", reader.take(8))[0],
        "bytes": lambda: reader.bytes().hex(), "string": lambda: reader.bytes().decode(),
    }
    return plain[kind]()


def read(name):
    """(metadata, [(count, plain bytes)])"""
    with open(name, "rb") as stream:
        file = Reader(stream.read())
    if file.take(4) != b"Obj\1":
        raise ValueError("not an Avro file")
    meta = {}
    while (n := file.long()) != 0:
        if n < 0:
            n = -n
            file.long()
        for _ in range(n):
            key = file.bytes().decode()
            meta[key] = file.bytes()
    sync, blocks = file.take(16), []
    codec = meta.get("avro.codec", b"null").decode()
    while file.at < len(file.data):
        count, raw = file.long(), file.bytes()
        if file.take(16) != sync:
            raise ValueError("a wrong sync marker")
        blocks.append((count, zlib.decompress(raw, -15) if codec == "deflate" else unsnap(raw) if codec == "snappy" else raw))
    return meta, blocks


def records(name):
    meta, blocks = read(name)
    schema = json.loads(meta["avro.schema"])
    for count, data in blocks:
        reader = Reader(data)
        for _ in range(count):
            yield datum(reader, schema, {})
        if reader.at != len(data):
            raise ValueError("bytes behind the last record")


def main():
    # No argparse: a hundred tests call this, and it takes longer to load than the rest to run.
    verb, *words = sys.argv[1:]
    if verb == "make":
        name, *words = words
        given = {key: value for key, value in zip(words[::2], words[1::2], strict=True)}
        numbers = [int(given.pop(key, default)) for key, default in (("--records", 10), ("--first", 0), ("--block", 1000))]
        texts = [given.pop(key, default) for key, default in (("--codec", "null"), ("--schema", SCHEMA))]
        if given:
            sys.exit(f"avro.py: unknown options {' '.join(given)}")
        make(name, *numbers, *texts)
    elif verb == "loose":
        with open(*words, "wb") as out:
            raw = loose(b"".join(map(registration, range(3))))
            out.write(header(SCHEMA, "deflate") + put_long(3) + put_bytes(raw) + SYNC)
    elif verb == "dump":
        for name in words:
            for record in records(name):
                print(json.dumps(record))
    elif verb == "head":
        meta, blocks = read(*words)
        print(json.dumps({"codec": meta.get("avro.codec", b"").decode(), "blocks": len(blocks), "records": sum(n for n, _ in blocks),
                          "meta": sorted(k for k in meta if not k.startswith("avro."))}))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
