"""What must not be seen of fans: secrets.py FILE...

Every e-mail address, every id as the sample has them and every number of nine digits or more in the files, and every
code of a ledger.csv; one a line.
"""
import re
import sys

seen = set()
for name in sys.argv[1:]:
    with open(name, encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    seen.update(re.findall(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}", text))
    seen.update(re.findall(r"\bf[0-9a-f]{9}\b", text))
    seen.update(re.findall(r"(?<![\d.])\+?\d{9,15}(?![\d.])", text))
    if name.endswith("ledger.csv"):
        seen.update(line.split(",")[1] for line in text.splitlines()[1:])
print("\n".join(sorted(s for s in seen if len(s) > 6)))
