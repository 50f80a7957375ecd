#!/usr/bin/env python3
"""A stand-in for Athena, behind tests/stand-ins/aws: the four statements of examples/athena over the stand-in's S3.

    athena.py start-query-execution WORD...

Only for tests. Like Athena it reads nothing but visible files of partitions that were added, gives "$path" as the
object's address, wants an empty target, and writes several files of nullable columns in small letters. The answers to
later calls lie beside the statement N: N.running for the first who asks, N.ended for those who ask then, N.results. VF_STANDIN_ATHENA, words: fail-N, cancel-N, hang-N (the N-th statement), lose (a
record of an UNLOAD), late (a file comes while the UNLOAD runs), blind (the first source is not seen), replace (a source
is another while the UNLOAD runs), join (UNLOAD writes one file).
"""
import json
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import avro

root = os.environ["VF_STANDIN_S3"]
home = root + ".athena"
modes = os.environ.get("VF_STANDIN_ATHENA", "").split()
TYPES = {"string": "string", "double": "double", "boolean": "boolean"}


def place(address):
    return root + "/" + address.removeprefix("s3://")


def address(path):
    return "s3://" + os.path.relpath(path, root)


def error(name, operation, text):
    sys.exit(f"\nAn error occurred ({name}) when calling the {operation} operation: {text}")


def write(name, fields, rows):
    """A file as a table without a schema of its own is written: Hive's names and types."""
    schema = {"type": "record", "name": "baseRecord", "fields": [
        {"name": name.lower(), "type": ["null", kind], "default": None} for name, kind in fields]}
    data = b""
    for row in rows:
        for (_, kind), value in zip(fields, row):
            if value is None:
                data += avro.put_long(0)
            elif kind == "string":
                data += avro.put_long(1) + avro.put_bytes(value.encode())
            elif kind == "double":
                data += avro.put_long(1) + avro.struct.pack("<d", value)
            else:
                data += avro.put_long(1) + bytes([value])
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as out:
        out.write(avro.header(json.dumps(schema), "snappy") + (avro.block(len(rows), data, "snappy") if rows else b""))


def sources(sql):
    """The files that a statement reads."""
    texts = re.search(r'WHERE dt IN \(([^()]*)\) AND "\$path" IN \(([^()]*)\)\s', sql)
    days, paths = ([text[1:-1] for text in part.split(",")] for part in texts.groups())
    with open(home + "/partitions", encoding="utf-8") as known:
        partitions = json.load(known)
    found = []
    for day in days:
        folder = partitions.get(day)
        for name in sorted(os.listdir(place(folder))) if folder else []:
            if name[0] not in "_." and folder + name in paths:
                found.append(place(folder) + name)
    return found[1:] if "blind" in modes else found


def add(sql):
    partitions = {}
    if os.path.exists(home + "/partitions"):
        with open(home + "/partitions", encoding="utf-8") as known:
            partitions = json.load(known)
    partitions |= dict(re.findall(r"PARTITION \(dt = '([^']*)'\) LOCATION '([^']*)'", sql))
    with open(home + "/partitions", "w", encoding="utf-8") as out:
        json.dump(partitions, out)


def count(sql):
    rows = [["source", "records"]] + [[address(path), str(len(list(avro.records(path))))] for path in sources(sql)]
    return [{"Data": [{"VarCharValue": cell} for cell in row]} for row in rows if row[1] != "0"]


def unload(sql):
    target = place(re.search(r"TO '([^']*)'", sql)[1])
    if os.path.isdir(target) and os.listdir(target):
        return "HIVE_PATH_ALREADY_EXISTS: Target directory for table is not empty"
    read = sources(sql)
    late = os.environ.get("VF_STANDIN_LATE")
    if "late" in modes:
        shutil.copy(late, os.path.dirname(read[0]) + "/late.avro")
    if "replace" in modes:
        shutil.copy(late, read[0])
    fields, rows = [], []
    for word in re.findall(r"array_join\(\w+, chr\(59\)\) AS \w+|\w+", re.search(r"SELECT (.*?)\s*FROM", sql, re.S)[1]):
        fields.append((re.sub(r".* AS ", "", word), word.startswith("array_join")))
    kinds = {name: "string" for name, _ in fields} | {"score": "double", "phoneConfirmed": "boolean"}
    for path in read:
        for record in avro.records(path):
            rows.append([";".join(record[name]) if joined else record[name] for name, joined in fields])
    if "lose" in modes:
        rows.pop()
    parts = 1 if "join" in modes else 2
    for part in range(parts):
        write(f"{target}2026_{part:05}_x", [(name, kinds[name]) for name, _ in fields], rows[part::parts])
    return None


def start(words):
    sql = words["--query-string"]
    if sql.startswith("file://"):
        with open(sql.removeprefix("file://"), encoding="utf-8") as file:
            sql = file.read()
    if len(sql.encode()) > 262144:
        error("InvalidRequestException", "StartQueryExecution", "Member must have length less than or equal to 262144")
    os.makedirs(home, exist_ok=True)
    number = len([name for name in os.listdir(home) if name.endswith(".sql")]) + 1
    with open(f"{home}/{number}.sql", "w", encoding="utf-8") as out:
        out.write(sql)
    reason = rows = None
    state = "SUCCEEDED"
    if f"hang-{number}" in modes:
        state = "RUNNING"
    elif f"cancel-{number}" in modes:
        state, reason = "CANCELLED", "Query was cancelled for nf1@example.com"
    elif f"fail-{number}" in modes:
        # What it wrote before stays: Athena does not clear it away.
        state, reason = "FAILED", "HIVE_BAD_DATA: Error reading field 'a@example.com'"
        unload(sql) if sql.startswith("UNLOAD") else None
    elif sql.startswith("ALTER"):
        add(sql)
    elif sql.startswith("UNLOAD"):
        reason = unload(sql)
        state = "FAILED" if reason else state
    else:
        rows = count(sql)
    ended = {"State": state} | ({"StateChangeReason": reason} if reason else {})
    for name, status in ("running", {"State": "RUNNING"}), ("ended", ended):
        tell(number, name, {"QueryExecution": {"QueryExecutionId": str(number), "Status": status}})
    tell(number, "results", {"ResultSet": {"Rows": rows}})
    print(json.dumps({"QueryExecutionId": str(number)}))


def tell(number, name, answer):
    with open(f"{home}/{number}.{name}", "w", encoding="utf-8") as out:
        out.write(json.dumps(answer) + "\n")


if sys.argv[1] != "start-query-execution":
    sys.exit("stand-in athena: unknown call")
start(dict(zip(sys.argv[2::2], sys.argv[3::2])))
