#!/usr/bin/env python3
"""Makes damaged CSV files from a seed, for recounts.

    damage.py --seed N --out DIR
        writes DIR/1.csv … and prints their names: one to three files with one header

All the damage that the reader's rules name is in there somewhere: stray and unclosed
quotes, forged records inside quoted line breaks, NULs, bytes that are no UTF-8, bare
CRs, CRLF here and LF there, wrong field counts, empty lines, lines over 1 MiB, a
byte order mark, a missing last newline, four delimiters.
"""
import argparse
import os
import random
import sys

WORDS = ["", "a", "x y", " padded ", "Jos\u00e9", "\u6771\u4eac", "0", "a;b", "p|q", "t\tt", "it's", "\u00fc", "back\\slash", "-", "\U0001f3ab"]
SCORES = ["0.5", "1", "0", "0.95", "0.9499995", "0.9499994999", "1e-1", "95E-2", ".25", "1.", "+0.8", "-0", "0.2199995", "0.22",
	"0.0000005", "4.9e-7", "00000.3", "0.79999949", "0.7999995", " 0.6 ", "\t0.3", "1.000000", "0.1234565", "1000000e-6", "-0.0e5",
	"1.0000001", "2", "-0.1", "", "nan", "1e", "1e+", "e5", ".", "0.5x", "0x1", "1,0", "0..1", "1e-999999999", "1e999999999", "0e999999999",
	"--1", "+", "\u0660.5", "0.5 0.5"]
RANKS = ["1", "2", "3", "7", "10", " 4", "0", "-1", "1.0", "", "x", "99999999999999999999", "00005", "12", "40", "+1"]
USERS = ["null", "undefined", "", "  ", "a b", "x" * 128, "x" * 129, "semi;colon", "Null", "tab\tin", "caf\u00e9", "'single'", "~!#$%"]


class Maker:
	def __init__(self, seed):
		self.r = random.Random(seed)
		r = self.r
		self.ranks = r.random() < 0.2
		self.names = ["globalUserId", "rank" if self.ranks else "score"] + ["c%d" % k for k in range(r.randint(0, 4))]
		if r.random() < 0.2:
			self.names.append("band")
		if self.ranks and r.random() < 0.3:
			self.names.append("score")
		if r.random() < 0.15:
			self.names[-1] += " (of \u00fc)" if self.names[-1][0] == "c" else ""
		r.shuffle(self.names)
		self.fan = 0
		self.damage = r.choice([0, 0.02, 0.1, 0.3, 0.7])
		self.crlf = r.choice([0, 0, 0.5, 1])

	def user(self):
		r = self.r
		if r.random() < 0.05:
			return r.choice(USERS)
		if self.fan and r.random() < 0.08:
			return "u%d" % r.randint(1, self.fan)
		self.fan += 1
		return " u%d" % self.fan if r.random() < 0.02 else "u%d" % self.fan

	def value(self, name):
		r = self.r
		if name == "globalUserId":
			return self.user()
		if name == "score":
			return r.choice(SCORES) if r.random() < 0.4 else "%.*f" % (r.randint(1, 9), r.random())
		if name == "rank":
			return r.choice(RANKS) if r.random() < 0.3 else str(r.randint(1, 60))
		word = r.choice(WORDS)
		if r.random() < 0.15:
			word += r.choice(['"', ",", '""', '","', ";", "|", "\t", '"x"'])
		return word

	def field(self, value, delimiter):
		r = self.r
		if any(c in value for c in '"\r\n' + delimiter) or r.random() < 0.08:
			return '"' + value.replace('"', '""') + '"'
		return value

	def line(self, delimiter):
		return delimiter.join(self.field(self.value(n), delimiter) for n in self.names).encode()

	def broken(self, delimiter):
		"""One piece of damage: bytes that may hold several lines, without the last line end."""
		r, d = self.r, delimiter.encode()
		good = self.line(delimiter)
		at = r.randint(0, len(good))
		quoted = [self.field(self.value(n), delimiter).encode() for n in self.names]
		k = r.randrange(len(quoted))
		inner = b"\n".join(self.line(delimiter).replace(b'"', b'""') for _ in range(r.randint(1, 3)))
		kind = r.randrange(17)
		if kind == 0:
			return good + d + b"more"
		if kind == 1:
			return d.join(quoted[:-1]) if len(quoted) > 1 else good + d
		if kind == 2:
			return good[:at] + b'"' + good[at:]
		if kind == 3:
			return good[:at] + b"\0" + good[at:]
		if kind == 4:
			return good[:at] + r.choice([b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\x80"]) + good[at:]
		if kind == 5:
			return good[:at] + b"\r" + good[at:]
		if kind == 6:		# a forged record inside a quoted line break
			quoted[k] = b'"' + b"x\n" + inner + b'\n"'
			return d.join(quoted)
		if kind == 7:		# the same with another number of fields
			quoted[k] = b'"' + inner + b'\ny"' + d
			return d.join(quoted)
		if kind == 8:		# opened, never closed: the rest of the file must not suffer
			quoted[k] = b'"' + quoted[k].replace(b'"', b'""')
			return d.join(quoted)
		if kind == 9:
			quoted[k] = b'"a"b'
			return d.join(quoted)
		if kind == 10:		# a line break and something worse behind it
			quoted[k] = b'"a\n' + r.choice([b"\0", b"\xff", b"\r", b"b\r\nc\r\n", b"\n\n"]) + b'"'
			return d.join(quoted)
		if kind == 11:
			return good + b"\r"
		if kind == 12:
			return b""
		if kind == 13:
			return bytes(r.choice(b'",\n\r\0a \xff;|\t0') for _ in range(r.randint(1, 30)))
		if kind == 14:		# a worse fault on the first line of a span
			quoted[k] = b'"' + r.choice([b"\0", b"\xfe"]) + b'\nx"'
			return d.join(quoted)
		if kind == 15:
			quoted[k] = b'"closed"\rx' if r.random() < 0.5 else b'"a\rb"'
			return d.join(quoted)
		return self.long(quoted, k, d)

	def long(self, quoted, k, d):
		"""Around the bound of 1 MiB; rarely, for these are big."""
		r = self.r
		if r.random() < 0.9:
			return d.join(quoted) + d
		size = (1 << 20) + r.choice([-200, -1, 0, 1, 2, 70000])
		kind = r.randrange(5)
		quoted[k] = b""
		room = size - len(d.join(quoted))
		if kind == 0:
			quoted[k] = b"z" * room				# one line about the bound
		elif kind == 1:
			quoted[k] = b'"' + b"z" * (room - 2) + b'"'
		elif kind == 2:
			quoted[k] = b'"z\n' + b"q" * (room - 4) + b'"'	# a span about the bound
		elif kind == 3:
			quoted[k] = b'"z' + b"\n" * room			# opened, closes far away or never
		else:
			quoted[k] = b'"' + b'""' * (room // 2) + b"\0" * r.randint(0, 1)
		return d.join(quoted)

	def file(self):
		r = self.r
		delimiter = r.choice([",", ",", ",", "\t", "|", ";"])
		names = ['"%s"' % n if r.random() < 0.1 else n for n in self.names]
		out = [b"\xef\xbb\xbf" if r.random() < 0.25 else b""]
		out.append(delimiter.join(names).encode() + (b"\r\n" if r.random() < 0.3 else b"\n"))
		for _ in range(r.choice([0, 1, 2, 10, 60, 200])):
			if r.random() < 0.03:
				out.append(r.choice([b"\n", b"\r\n", b"\n\n"]))
			part = self.broken(delimiter) if r.random() < self.damage else self.line(delimiter)
			out.append(part + (b"\r\n" if r.random() < self.crlf else b"\n"))
		data = b"".join(out)
		if r.random() < 0.3 and data.endswith(b"\n") and data.count(b"\n") > 1:
			data = data[:-2] if data.endswith(b"\r\n") and r.random() < 0.5 else data[:-1]
		return data


def make(seed):
	"""(the files' bytes, whether they hold ranks): the same for the same seed."""
	maker = Maker(seed)
	return [maker.file() for _ in range(maker.r.choice([1, 1, 1, 2, 3]))], maker.ranks


def main():
	parser = argparse.ArgumentParser(description="makes damaged CSV files from a seed")
	parser.add_argument("--seed", type=int, required=True)
	parser.add_argument("--out", required=True)
	args = parser.parse_args()
	os.makedirs(args.out, exist_ok=True)
	for k, data in enumerate(make(args.seed)[0], 1):
		path = os.path.join(args.out, "%d.csv" % k)
		with open(path, "wb") as f:
			f.write(data)
		print(path)


if __name__ == "__main__":
	sys.exit(main())
