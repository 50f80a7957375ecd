#!/usr/bin/env python3
"""An independent model of the contracts, in plain Python: what the tools are recounted with.

Written from the design's text, not from the C. It is slow and reads whole files;
it needs a stock Python 3.11 and nothing else.

    reference.py reader [--delimiter C] FILE
        one JSON line per record: lineno, lines, then reason or fields
    reference.py score [--ranks [--of N]] FILE
        what vf-score makes of FILE: one JSON line per record
    reference.py campaign --config C --scores FILE... --seed-file F --out-of TREE
        [--blacklist F]... [--whitelist F]... [--opt-out F]... [--disposable F]...
        [--exclude F]... [--relay F]... [--no-disposable] [--max-per-phone N] [--max-per-email N]
        recomputes the fate of every record and compares it with the tree that
        examples/campaign.sh made; exit 1 and a line per difference when they differ
"""
import argparse
import csv
import datetime
import fnmatch
import hashlib
import io
import json
import os
import re
import sys
from collections import Counter
from fractions import Fraction

RECORD_MAX = 1 << 20			# bytes of a record, its line end excluded
RECORD_SHOWN = 64 << 10			# of them in a reject line
DELIMITERS = b",\t|;"			# ties in this order
BOM = b"\xef\xbb\xbf"
READER_REASONS = ("too-long", "nul-byte", "bad-utf8", "bad-quote", "line-break", "field-count")
BANDS = ("high", "mid", "low")
TAGS = ("phone-unconfirmed", "phone-unverified", "no-phone", "no-email", "relay-email", "sms-opt-out", "email-opt-out")


class Stop(Exception):
	"""The input cannot be used at all; `status` is the exit code a tool owes."""

	def __init__(self, status, text):
		super().__init__(text)
		self.status = status


# The reader ------------------------------------------------------------------------------------------------------

class Record:
	__slots__ = ("file", "lineno", "lines", "raw", "reason", "raws", "fields")

	def __init__(self, file, lineno, lines, raw, reason=None, raws=None):
		self.file, self.lineno, self.lines, self.raw, self.reason = file, lineno, lines, raw, reason
		self.raws = raws
		self.fields = None if raws is None else [unquote(r) for r in raws]


class Header:
	def __init__(self, names, delimiter):
		self.names, self.delimiter = names, delimiter

	def __contains__(self, name):
		return name in self.names

	def index(self, name):
		return self.names.index(name)


def unquote(raw):
	if raw[:1] == b'"':
		return raw[1:-1].replace(b'""', b'"')
	return raw


def find_delimiter(line):
	"""The most frequent of the four outside quotes, ties in their order; none of them: comma."""
	outside = b"".join(line.split(b'"')[0::2])
	counts = [outside.count(bytes([d])) for d in DELIMITERS]
	return bytes([DELIMITERS[counts.index(max(counts))]])


def line_at(data, at):
	"""The physical line at `at`: its bytes without LF or CRLF, and where the next one starts."""
	end = data.find(b"\n", at)
	if end < 0:
		return data[at:], len(data)
	line = data[at:end]
	return (line[:-1] if line.endswith(b"\r") else line), end + 1


def has_bare_cr(raw):
	"""A CR that no LF follows; `raw` has lost its own line end, so a last CR is bare."""
	return re.search(rb"\r(?!\n)", raw) is not None


def is_utf8(raw):
	try:
		raw.decode("utf-8")
	except UnicodeDecodeError:
		return False
	return True


def span(data, at, delimiter):
	"""
	Walks one record by the quoting rules. Returns (raw, next, raws), or None for a
	stray quote, or for one that does not close within the bound.
	"""
	raws, i, n, d = [], at, len(data), delimiter[0]

	def at_line_end(k):
		return k >= n or data[k] == 10 or (data[k] == 13 and k + 1 < n and data[k + 1] == 10)

	while True:
		start = i
		if i < n and data[i] == 34:
			i += 1
			while True:
				i = data.find(b'"', i)
				if i < 0 or i - at > RECORD_MAX:
					return None
				if data[i + 1:i + 2] != b'"':
					break
				i += 2
			i += 1
			if not at_line_end(i) and data[i] != d:
				return None
		else:
			while not at_line_end(i) and data[i] != d:
				if data[i] == 34:
					return None
				i += 1
		raws.append(data[start:i])
		if not at_line_end(i):
			i += 1
			continue
		if i - at > RECORD_MAX:
			return None
		if i >= n:
			return data[at:i], n, raws
		return data[at:i], i + (2 if data[i] == 13 else 1), raws


def next_record(data, at, lineno, delimiter, ncolumns, file):
	"""The record that starts at `at`, and where the next starts; the record is None for an empty line."""
	line, after = line_at(data, at)
	if line == b"":
		return None, after

	def bad(reason):
		return Record(file, lineno, 1, line, reason), after

	if len(line) > RECORD_MAX:
		return bad("too-long")
	if b"\0" in line:
		return bad("nul-byte")
	if not is_utf8(line):
		return bad("bad-utf8")
	found = span(data, at, delimiter)
	if found is None:
		return bad("bad-quote")
	raw, nxt, raws = found
	lines = raw.count(b"\n") + 1
	if lines > 1:
		if len(raws) != ncolumns:
			return bad("bad-quote")
		reason = "nul-byte" if b"\0" in raw else "bad-utf8" if not is_utf8(raw) else "line-break"
		return Record(file, lineno, lines, raw, reason), nxt
	if has_bare_cr(raw):
		return bad("line-break")
	if len(raws) != ncolumns:
		return bad("field-count")
	return Record(file, lineno, 1, raw, None, raws), nxt


def read(data, delimiter=None, file="stdin"):
	"""One file: its Header and the list of its Records, in order. Raises Stop."""
	at, lineno = (3 if data.startswith(BOM) else 0), 1
	while True:
		if at >= len(data):
			raise Stop(1, "empty input")
		line, after = line_at(data, at)
		if line != b"":
			break
		at, lineno = after, lineno + 1
	delimiter = delimiter or find_delimiter(line)
	found = span(data, at, delimiter)
	if found is None:
		raise Stop(2, "bad header")
	raw, after, raws = found
	names = [unquote(r).decode("utf-8") for r in raws]
	if len(set(names)) != len(names):
		raise Stop(2, "a column named twice")
	header, records = Header(names, delimiter), []
	lineno += raw.count(b"\n") + 1
	at = after
	while at < len(data):
		record, after = next_record(data, at, lineno, delimiter, len(names), file)
		if record is not None:
			if record.raws is not None and delimiter != b",":
				record.raws = [quote(f) for f in record.fields]
			records.append(record)
		lineno += data.count(b"\n", at, after)
		at = after
	return header, records


def read_files(paths, delimiter=None):
	"""Operands in turn: headers must agree; the records of all of them."""
	first, records = None, []
	for path in paths:
		header, some = read(slurp(path), delimiter, path)
		if first is not None and header.names != first.names:
			raise Stop(2, "headers differ")
		first = first or header
		records += some
	return first, records


def slurp(path):
	with open(path, "rb") as f:
		return f.read()


def quote(value):
	"""A value as a field of comma-separated output."""
	if re.search(rb'[,"\r\n]', value):
		return b'"' + value.replace(b'"', b'""') + b'"'
	return value


def escaped(raw):
	"""A record as a reject line shows it, before CSV quoting and before the cut at 64 KiB."""
	out = []
	for c in raw.decode("utf-8", "surrogateescape"):
		o = ord(c)
		if 0xDC80 <= o <= 0xDCFF:
			out.append("\\x%02X" % (o - 0xDC00))
		else:
			out.append({"\n": "\\n", "\r": "\\r", "\0": "\\0", "\\": "\\\\"}.get(c, c))
	return "".join(out)


def trim(value):
	return value.strip(b" \t")


# Writing ---------------------------------------------------------------------------------------------------------

class Table:
	"""A stream between tools: names, and rows of raw comma-ready fields."""

	def __init__(self, names, rows=()):
		self.names, self.rows = list(names), list(rows)

	def bytes(self):
		out = [b",".join(quote(n.encode()) for n in self.names)]
		out += [b",".join(r) if r != [b""] else b'""' for r in self.rows]
		return b"".join(line + b"\n" for line in out)

	def value(self, row, name):
		return unquote(row[self.names.index(name)]) if name in self.names else None


def put(names, row, sets):
	"""Replaces a column where it stands, appends it otherwise."""
	row = list(row)
	for name, value in sets.items():
		if name in names:
			row[names.index(name)] = quote(value)
		else:
			row.append(quote(value))
	return row


def put_names(names, sets):
	return list(names) + [n for n in sets if n not in names]


# Fan and score ---------------------------------------------------------------------------------------------------

def fan_ok(value):
	if not 1 <= len(value) <= 128 or value in (b"null", b"undefined"):
		return False
	return all(0x21 <= b <= 0x7e and b not in b',;"' for b in value)


SCORE = re.compile(rb"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?")


def millionths(text):
	"""A score in exact arithmetic, rounded half up; None when it is none."""
	m = SCORE.fullmatch(text)
	if not m or not (m[2] or m[3]):
		return None
	digits = (m[2] + (m[3] or b"")).lstrip(b"0")
	if digits == b"":
		return 0
	if m[1] == b"-":
		return None
	exponent = int(m[4] or 0) - len(m[3] or b"")
	if len(digits) + exponent > 1:		# 10 or more
		return None
	if len(digits) + exponent < -7:		# less than a hundred-millionth
		return 0
	value = Fraction(int(digits)) * Fraction(10) ** exponent
	if value > 1:
		return None
	return (value * 1000000 + Fraction(1, 2)).__floor__()


def rank_millionths(text, n):
	if not re.fullmatch(rb"[0-9]+", text) or not 1 <= int(text) <= n:
		return None
	return (n - int(text) + 1) * 1000000 // n	# "rounded as an integer division": towards zero


def band_of(value, bands=(950000, 800000, 220000)):
	for name, floor in zip(BANDS, bands):
		if value >= floor:
			return name
	return "none"


def score(header, records, ranks=False, of=None, bands=(950000, 800000, 220000), allow_duplicates=False):
	"""vf-score: (Table, [(Record, reason)])."""
	source = "rank" if ranks else "score"
	for need in ("globalUserId", source):
		if need not in header:
			raise Stop(2, "no column " + need)
	names, rejects, seen = header.names, [], set()
	out = Table(put_names(names, ("score", "band")))
	n = of if of is not None else len(records)
	for r in records:
		if r.reason:
			rejects.append((r, r.reason))
			continue
		fan = trim(r.fields[header.index("globalUserId")])
		text = trim(r.fields[header.index(source)])
		if not fan_ok(fan):
			rejects.append((r, "missing-user"))
			continue
		value = rank_millionths(text, n) if ranks else millionths(text)
		if value is None:
			rejects.append((r, "bad-rank" if ranks else "bad-score"))
			continue
		if not allow_duplicates:
			if fan in seen:
				rejects.append((r, "duplicate-fan"))
				continue
			seen.add(fan)
		text = b"%d.%06d" % divmod(value, 1000000)
		out.rows.append(put(names, r.raws, {"score": text, "band": band_of(value, bands).encode()}))
	return out, rejects


# Lists and the filter --------------------------------------------------------------------------------------------

class Names:
	"""An e-mail list: addresses, domains, .domains, globs; # comments."""

	def __init__(self, paths=(), below=False):
		self.addresses, self.domains, self.trees, self.globs = set(), set(), set(), []
		for path in paths:
			for line in slurp(path).decode().splitlines():
				line = line.split("#", 1)[0].strip().lower()
				if not line:
					continue
				if "*" in line or "?" in line:
					self.globs.append(line)
				elif line.startswith("."):
					self.trees.add(line[1:])
				elif line.startswith("@"):
					self.domains.add(line[1:])
				elif "@" in line:
					self.addresses.add(line)
				else:
					(self.trees if below else self.domains).add(line)

	def has(self, address):
		address = address.lower()
		domain = address.rpartition("@")[2]
		if address in self.addresses or domain in self.domains:
			return True
		labels = domain.split(".")
		if any(".".join(labels[k:]) in self.trees for k in range(len(labels))):
			return True
		return any(fnmatch.fnmatchcase(address, g) for g in self.globs)


LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")


def email_norm(value):
	"""local@domain with the domain in lower case and as A-labels; None when it is no address."""
	try:
		text = value.decode()
	except UnicodeDecodeError:
		return None
	local, at, domain = text.rpartition("@")
	if not at or not local or len(local) > 64:
		return None
	if not all(ATOM.fullmatch(a) for a in local.split(".")):
		return None
	if not domain.isascii():
		try:
			domain = ".".join(l if l.isascii() else l.lower().encode("idna").decode() for l in domain.split("."))
		except UnicodeError:
			return None
	domain = domain.lower()
	labels = domain.split(".")
	if len(labels) < 2 or not all(LABEL.fullmatch(l) for l in labels) or labels[-1].isdigit():
		return None
	if len(domain) > 255 or len(local) + 1 + len(domain) > 254:
		return None
	return local + "@" + domain


def mailbox(address):
	"""The canonical mailbox: for counting only."""
	local, _, domain = address.lower().rpartition("@")
	local = local.split("+", 1)[0] or local
	if domain in ("gmail.com", "googlemail.com"):
		local, domain = local.replace(".", ""), "gmail.com"
	return local + "@" + domain


# Area codes of the sample and of the random campaigns; 555-01xx is fictional and valid by the metadata.
AREA_US = ("202", "205", "206", "207", "208", "209", "210", "212", "213", "214", "215", "216", "217", "218", "219",
	"224", "225", "228", "229", "231", "234", "239", "240", "248", "251", "252", "253", "254", "256", "260", "262",
	"267", "269", "270", "276", "281", "301", "302", "303", "304", "305", "307", "308", "309", "310", "312", "313",
	"314", "315", "316", "317", "318", "319", "320", "321", "323", "325", "330", "334", "336", "337", "347", "352",
	"360", "361", "386", "401", "402", "404", "405", "406", "407", "408", "409", "410", "412", "413", "414", "415",
	"417", "419", "423", "425", "432", "434", "435", "440", "443", "469", "478", "479", "480", "484", "501", "502",
	"503", "504", "505", "507", "508", "509", "510", "512", "513", "515", "516", "517", "518", "520", "530", "540",
	"541", "551", "559", "561", "562", "563", "567", "570", "571", "573", "574", "575", "580", "585", "586", "601",
	"602", "603", "605", "606", "607", "608", "609", "610", "612", "614", "615", "616", "617", "618", "619", "620",
	"623", "626", "630", "631", "636", "641", "646", "650", "651", "660", "661", "662", "678", "682", "701", "702",
	"703", "704", "706", "707", "708", "712", "713", "714", "715", "716", "717", "718", "719", "720", "724", "727",
	"731", "732", "734", "740", "754", "757", "760", "762", "763", "765", "770", "772", "773", "774", "775", "781",
	"785", "786", "801", "802", "803", "804", "805", "806", "808", "810", "812", "813", "814", "815", "816", "817",
	"818", "828", "830", "831", "832", "843", "845", "847", "848", "850", "856", "857", "858", "859", "860", "862",
	"863", "864", "865", "870", "901", "903", "904", "906", "907", "908", "909", "910", "912", "913", "914", "915",
	"916", "917", "918", "919", "920", "925", "928", "931", "936", "937", "940", "941", "949", "951", "952", "954",
	"956", "970", "971", "972", "973", "978", "979", "980", "985", "989")
AREA_CA = ("204", "226", "236", "250", "289", "306", "343", "365", "403", "416", "418", "431", "437", "438", "450",
	"506", "514", "519", "579", "581", "587", "604", "613", "639", "647", "705", "709", "778", "780", "807", "819",
	"867", "902", "905")
# Numbers set aside for fiction (or never in service) whose verdict is known; digits after + and the region.
ABROAD = {"61491570156": "AU", "61491570157": "AU", "61491570158": "AU", "61491570159": "AU", "61491570110": "AU",
	"46701740605": "SE", "46701740606": "SE", "46701740607": "SE", "46701740608": "SE", "46701740609": "SE"}


class Phones:
	"""Verdicts on the written forms that the sample and the random campaigns use; of others it knows nothing."""

	def judge(self, value):
		"""('valid' | 'possible' | 'bad', E.164, region)."""
		digits = re.sub(rb"[ ().-]", b"", value)
		m = re.fullmatch(rb"\+?1?([2-9][0-9]{2})55501([0-9]{2})", digits)
		if m and (not value.startswith(b"+") or digits.startswith(b"+1")):
			area = m[1].decode()
			region = "US" if area in AREA_US else "CA" if area in AREA_CA else None
			if area == "555":	# no such area code: possible, not valid; the default region's
				return "possible", "+1" + area + "55501" + m[2].decode(), "US"
			if region:
				return "valid", "+1" + area + "55501" + m[2].decode(), region
		if digits.startswith(b"+") and digits[1:].decode() in ABROAD:
			return "valid", digits.decode(), ABROAD[digits[1:].decode()]
		if not re.fullmatch(rb"\+?[0-9]+", digits) or len(digits) < (7 if value.startswith(b"+") else 10) or len(digits) > 16:
			return "bad", "", ""
		raise Stop(1, "the model has no verdict for a phone of this form")


class OptOut:
	"""Opt-out lists: a line is a phone, an address or an id; CSV with such columns is no part of this model."""

	def __init__(self, paths=(), phones=None):
		self.words, self.phones = set(), set()
		for path in paths:
			for line in slurp(path).decode().splitlines():
				line = line.split("#", 1)[0].strip()
				if not line:
					continue
				self.words.add(line)
				address = email_norm(line.encode()) if "@" in line else None
				if address:
					self.words.add(mailbox_exact(address))
				if phones and re.fullmatch(r"[+0-9 ().-]+", line):
					status, e164, _ = phones.judge(line.encode())
					if status != "bad":
						self.phones.add(e164)

	def tags(self, fan, address, phone):
		out = set()
		if fan in self.words:
			out |= {"sms-opt-out", "email-opt-out"}
		if phone and phone in self.phones:
			out.add("sms-opt-out")
		if address and mailbox_exact(address) in self.words:
			out.add("email-opt-out")
		return out


def mailbox_exact(address):
	return address.lower()


class Filter:
	"""vf-filter's options, then run() over a Table."""

	def __init__(self, config, blacklist=(), whitelist=(), opt_out=(), disposable=(), relay=(), exclude=(),
			max_per_phone=0, max_per_email=0, strict_phone=False, phones=None):
		options = config.get("options", {})
		self.intl = options.get("allowIntlPhones", False)
		self.confirmed = options.get("requireConfirmedPhone", False)
		self.home = options.get("homeRegions", ["US", "CA"])
		self.phones = phones or Phones()
		self.black, self.white = Names(blacklist), Names(whitelist)
		self.disposable, self.relay = Names(disposable, below=True), Names(relay, below=True)
		self.opt_out = OptOut(opt_out, self.phones)
		self.exclude = set()
		for path in exclude:
			header, records = read(slurp(path), None, path)
			k = header.index("globalUserId")
			self.exclude |= {trim(r.fields[k]) for r in records if not r.reason}
		self.max_per_phone, self.max_per_email, self.strict = max_per_phone, max_per_email, strict_phone

	def judge(self, get, counts):
		"""get(name) -> value or None. Returns (reason, None) or (None, the columns set)."""
		fan, tags = trim(get("globalUserId")), set()
		if not fan_ok(fan):
			return "missing-user", None
		if fan in self.exclude:
			return "excluded", None
		email, phone, region = get("email"), get("phone"), ""
		address = e164 = ""
		if email is not None and trim(email):
			address = email_norm(trim(email))
			if address is None:
				return "bad-email", None
			white = self.white.has(address)
			if self.black.has(address) and not white:
				return "blacklisted", None
			if self.relay.has(address):		# real people, whatever another list says
				tags.add("relay-email")
			elif self.disposable.has(address) and not white:
				return "disposable-domain", None
		elif email is not None:
			tags.add("no-email")
		if phone is not None and trim(phone):
			status, e164, region = self.phones.judge(trim(phone))
			if status == "bad" or (status == "possible" and self.strict):
				return "bad-phone", None
			if status == "possible":
				tags.add("phone-unverified")
			if region not in self.home and not self.intl:
				return "intl-phone", None
		elif phone is not None:
			tags.add("no-phone")
		confirmed = get("phoneConfirmed")
		# Who has no phone has no confirmed phone.
		if confirmed is not None and not (trim(confirmed).lower() == b"true" and (e164 or phone is None)):
			if self.confirmed:
				return "phone-unconfirmed", None
			tags.add("phone-unconfirmed")
		out = self.opt_out.tags(fan.decode(), address, e164)
		if not (address and "email-opt-out" not in out) and not (e164 and "sms-opt-out" not in out):
			return "unreachable", None
		if self.max_per_phone and e164:
			if counts["p", e164] >= self.max_per_phone:
				return "too-many-per-phone", None
			counts["p", e164] += 1
		if self.max_per_email and address:
			if counts["e", mailbox(address)] >= self.max_per_email:
				return "too-many-per-email", None
			counts["e", mailbox(address)] += 1
		tags |= out
		sets = {}
		if email is not None:
			sets["email"] = address.encode()
		if phone is not None:
			sets["phone"], sets["phoneRegion"] = e164.encode(), region.encode()
		old = (get("tags") or b"").decode()
		old = [t for t in old.split(";") if t.strip(" \t") not in TAGS] if old else []
		sets["tags"] = ";".join(old + [t for t in TAGS if t in tags]).encode()
		return None, sets

	def run(self, table):
		"""(Table, [(row number from 0, reason)])."""
		sets = (["email"] if "email" in table.names else []) + \
			(["phone", "phoneRegion"] if "phone" in table.names else []) + ["tags"]
		out, rejects, counts = Table(put_names(table.names, sets)), [], Counter()
		for k, row in enumerate(table.rows):
			reason, values = self.judge(lambda name: table.value(row, name), counts)
			if reason:
				rejects.append((k, reason))
			else:
				out.rows.append(put(table.names, row, values))
		return out, rejects


# The draw --------------------------------------------------------------------------------------------------------

def draw_key(seed, campaign, wave, beacon, fan):
	k = hashlib.blake2b(b"\0".join([b"vf-draw/1", campaign.encode(), wave.encode(), beacon.lower().encode()]),
		key=seed, digest_size=32).digest()
	return hashlib.blake2b(k + fan, digest_size=16).digest()


def commitment(seed):
	return hashlib.blake2b(seed, digest_size=32).hexdigest()


def wave_of(config, wave):
	for w in config.get("waves", []):
		if w["id"] == wave:
			return w
	return {}


def limits_of(config, wave):
	w = wave_of(config, wave)
	limits = {m["id"]: m["limit"] for m in config.get("markets", []) if "limit" in m}
	limits.update(w.get("limits", {}))
	if w.get("markets"):
		limits = {m: n for m, n in limits.items() if m in w["markets"]}
	return limits


def draw(table, seed, campaign, wave, limits, beacon=""):
	"""vf-draw: (drawn Table, unselected Table, [(row number, reason)])."""
	rejects, markets = [], {}
	for k, row in enumerate(table.rows):
		market, band = trim(table.value(row, "market")).decode(), trim(table.value(row, "band")).decode()
		fan = trim(table.value(row, "globalUserId"))
		# The design names the reasons without an order; this is vf-draw's.
		if not fan_ok(fan):
			rejects.append((k, "missing-user"))
		elif band not in BANDS + ("none",):
			rejects.append((k, "bad-band"))
		elif band == "none":
			rejects.append((k, "below-bands"))
		elif market == "":
			rejects.append((k, "bad-market"))
		elif market not in limits:
			rejects.append((k, "no-limit"))
		else:
			key = draw_key(seed, campaign, wave, beacon, fan)
			markets.setdefault(market.encode(), []).append((BANDS.index(band), key, fan, row))
	drawn = Table(put_names(table.names, ["drawPosition"]))
	rest = Table(put_names(table.names, ["drawPosition"]))
	for market in sorted(markets):
		order = sorted(markets[market], key=lambda c: c[:3])
		if len({c[2] for c in order}) != len(order):
			raise Stop(1, "an id twice in a market")
		for position, (_, _, _, row) in enumerate(order, 1):
			target = drawn if position <= limits[market.decode()] else rest
			target.rows.append(put(table.names, row, {"drawPosition": b"%d" % position}))
	return drawn, rest, rejects


# The wave --------------------------------------------------------------------------------------------------------

def instant(text):
	return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(datetime.timezone.utc)


def stamp(when):
	return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def window(notify):
	"""(notifyDate, validFrom, validTo) as text."""
	when = instant(notify)
	try:
		later = when.replace(year=when.year + 1)
	except ValueError:
		later = when.replace(year=when.year + 1, day=28)
	return stamp(when), stamp(when - datetime.timedelta(seconds=86400)), stamp(later)


def channels(tags, email, phone, sms_unconfirmed):
	tags = set(tags.split(";"))
	sms = bool(phone) and "sms-opt-out" not in tags and (sms_unconfirmed or "phone-unconfirmed" not in tags)
	return sms, bool(email) and "email-opt-out" not in tags


# A whole campaign against its tree -------------------------------------------------------------------------------

class Check:
	def __init__(self):
		self.faults = []

	def that(self, condition, text):
		if not condition:
			self.faults.append(text)

	def same(self, what, got, want):
		if got == want:
			return
		self.faults.append("%s differs" % what)
		if isinstance(got, (list, tuple)) and isinstance(want, (list, tuple)):
			self.faults.append("  got %d, the model says %d" % (len(got), len(want)))
			for k, (g, w) in enumerate(zip(got, want)):
				if g != w:
					self.faults.append("  first at %d: got %r, the model says %r" % (k, g, w))
					return
			extra = got[len(want):][:1] or want[len(got):][:1]
			self.faults.append("  first surplus: %r" % (extra,))
		else:
			self.faults.append("  got %.300r, the model says %.300r" % (got, want))


def load_table(path):
	"""A stream as the tools write it: strict, one line a record."""
	header, records = read(slurp(path), b",", path)
	bad = [r.lineno for r in records if r.reason]
	if bad:
		raise Stop(1, "%s: line %d is no good record" % (path, bad[0]))
	return Table(header.names, [r.raws for r in records])


def table_rows(table):
	"""Rows as dictionaries of text, whatever the quoting."""
	return [{n: unquote(v).decode() for n, v in zip(table.names, row)} for row in table.rows]


def load_rejects(path, tool=None):
	with open(path, newline="", encoding="utf-8") as f:
		csv.field_size_limit(1 << 27)
		rows = list(csv.DictReader(f))
	return [r for r in rows if tool is None or r["tool"] == tool]


def load_stats(path):
	with open(path, encoding="utf-8") as f:
		return [json.loads(line) for line in f if line.strip()]


def last_line(stats, tool):
	lines = [s for s in stats if s["tool"] == tool]
	return lines[-1] if lines else None


def check_counts(check, what, stats, tool, n_in, n_out, reasons, held=None):
	line = last_line(stats, tool)
	if line is None:
		check.that(False, "%s: no stats line of %s" % (what, tool))
		return
	check.same("%s: in of %s" % (what, tool), line["in"], n_in)
	check.same("%s: out of %s" % (what, tool), line["out"], n_out)
	check.same("%s: rejected of %s" % (what, tool), line["rejected"], sum(reasons.values()))
	check.same("%s: reasons of %s" % (what, tool), {k: v for k, v in line["reasons"].items() if v}, dict(reasons))
	if held is not None:
		check.same("%s: unselected of %s" % (what, tool), line["unselected"], held)


def same_rejects(check, what, got, want):
	"""Rejects as (line, reason) in file order."""
	check.same(what, [(int(r["line"]), r["reason"]) for r in got], want)


def check_wave_files(check, tree, config, wave, drawn, ledger):
	folder = os.path.join(tree, "waves", wave)
	times = window(wave_of(config, wave)["notifyDate"])
	unconfirmed = config.get("options", {}).get("smsUnconfirmed", False)
	files = {n: table_rows(load_table(os.path.join(folder, n + ".csv"))) for n in ("codes", "sms", "email")}
	want = {"codes": [], "sms": [], "email": []}
	for row in table_rows(drawn):
		sms, email = channels(row.get("tags", ""), row.get("email"), row.get("phone"), unconfirmed)
		fan = row["globalUserId"].strip(" \t")
		for name, member in (("codes", sms or email), ("sms", sms), ("email", email)):
			if member:
				want[name].append(fan)
	for name, rows in files.items():
		check.same("%s/%s.csv: the fans" % (wave, name), [r["globalUserId"].strip(" \t") for r in rows], want[name])
		for r in rows:
			check.that((r["notifyDate"], r["validFrom"], r["validTo"]) == times, "%s/%s.csv: a wrong window" % (wave, name))
			check.that((r["campaignId"], r["waveId"]) == (config["id"], wave), "%s/%s.csv: wrong ids" % (wave, name))
			check.that(ledger.get(r["globalUserId"].strip(" \t")) == (r["code"], wave),
				"%s/%s.csv: a code that the ledger does not know" % (wave, name))
	for name, gone in (("sms", ("email",)), ("email", ("phone", "phoneConfirmed", "phoneRegion"))):
		for column in gone:
			check.that(column not in (files[name][0] if files[name] else {}), "%s.csv has the column %s" % (name, column))
	check_digests(check, folder, wave)
	for name in ("codes", "sms", "email", "entrants", "drawn", "unselected"):
		mode = os.stat(os.path.join(folder, name + ".csv")).st_mode & 0o777
		check.that(mode == 0o600, "%s/%s.csv has mode %o" % (wave, name, mode))


def check_digests(check, folder, wave):
	with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as f:
		manifest = json.load(f)
	text = json.dumps(manifest)
	for name in ("codes", "sms", "email"):
		data = slurp(os.path.join(folder, name + ".csv"))
		check.that(hashlib.blake2b(data, digest_size=32).hexdigest() in text, "%s/manifest.json: digest of %s.csv" % (wave, name))
	with open(os.path.join(folder, "draw.json"), encoding="utf-8") as f:
		manifest = json.load(f)
	entrants, drawn = slurp(os.path.join(folder, "entrants.csv")), slurp(os.path.join(folder, "drawn.csv"))
	check.same(wave + "/draw.json: digest of the entrants", [e["blake2b"] for e in manifest["entrants"]],
		[hashlib.blake2b(entrants, digest_size=32).hexdigest()])
	check.same(wave + "/draw.json: digest of the result", manifest["result"]["blake2b"],
		hashlib.blake2b(drawn, digest_size=32).hexdigest())


def load_ledger(check, path, config):
	"""{fan: (code, wave)}; complains of a fan or a code that is there twice."""
	rows, fans, codes = table_rows(load_table(path)), {}, set()
	for r in rows:
		check.that(r["campaignId"] == config["id"], "ledger: another campaign")
		if r["codeType"] == "void":
			codes.add(r["code"])
			continue
		check.that(r["globalUserId"] not in fans, "ledger: a fan with two codes")
		check.that(r["code"] not in codes or r["codeType"] == "TM", "ledger: a code given twice")
		fans[r["globalUserId"]] = (r["code"], r["waveId"])
		codes.add(r["code"])
	return fans


def check_scoring(check, tree, config, paths, options):
	"""Score and filter; returns the Table of eligible fans."""
	header, records = read_files(paths)
	bands = config.get("bands", {})
	floors = tuple(millionths(str(bands.get(b, d)).encode()) for b, d in zip(BANDS, ("0.95", "0.80", "0.22")))
	ranks = "rank" in header and "score" not in header
	scored, rejects = score(header, records, ranks=ranks, bands=floors)
	eligible, refused = Filter(config, **options).run(scored)
	name = os.path.basename(paths[0]).rsplit(".", 1)[0]
	check.same("scored/", load_table(os.path.join(tree, "scored", name + ".csv")).bytes(), eligible.bytes())
	rejfile = os.path.join(tree, "rejects", "score-%s.csv" % name)
	same_rejects(check, "rejects of vf-score", load_rejects(rejfile, "vf-score"), [(r.lineno, why) for r, why in rejects])
	same_rejects(check, "rejects of vf-filter", load_rejects(rejfile, "vf-filter"), [(k + 2, why) for k, why in refused])
	check.same("records of vf-score's rejects", [r["record"] for r in load_rejects(rejfile, "vf-score")
		if len(r["record"]) < RECORD_SHOWN - 4], [escaped(r.raw) for r, _ in rejects if len(escaped(r.raw)) < RECORD_SHOWN - 4])
	stats = load_stats(os.path.join(tree, "stats", "score-%s.ndjson" % name))
	check_counts(check, "scoring", stats, "vf-score", len(records), len(scored.rows), Counter(w for _, w in rejects))
	check_counts(check, "scoring", stats, "vf-filter", len(scored.rows), len(eligible.rows), Counter(w for _, w in refused))
	return eligible


def check_wave(check, tree, config, wave, eligible, seed, options, ledger):
	"""Filter without the other waves' fans, draw, files; nothing is taken from the tree but the codes."""
	folder = os.path.join(tree, "waves", wave)
	judge = Filter(config, **options)
	order = [w["id"] for w in config["waves"]]
	judge.exclude |= {f.encode() for f, (_, w) in ledger.items() if w in order[:order.index(wave)]}
	entrants, out_now = judge.run(eligible)
	drawn, rest, refused = draw(entrants, seed, config["id"], wave, limits_of(config, wave))
	for name, table in (("entrants", entrants), ("drawn", drawn), ("unselected", rest)):
		check.same("%s/%s.csv" % (wave, name), load_table(os.path.join(folder, name + ".csv")).bytes(), table.bytes())
	stats = load_stats(os.path.join(tree, "stats", "wave-%s.ndjson" % wave))
	check_counts(check, wave, stats, "vf-filter", len(eligible.rows), len(entrants.rows), Counter(w for _, w in out_now))
	check_counts(check, wave, stats, "vf-draw", len(entrants.rows), len(drawn.rows), Counter(w for _, w in refused), len(rest.rows))
	rejfile = os.path.join(tree, "rejects", "wave-%s.csv" % wave)
	same_rejects(check, wave + ": rejects of vf-draw", sorted(load_rejects(rejfile, "vf-draw"), key=lambda r: int(r["line"])),
		[(k + 2, why) for k, why in refused])
	mine = {f for f, (_, w) in ledger.items() if w == wave}
	check.same(wave + ": the fans in the ledger", mine, {trim(drawn.value(r, "globalUserId")).decode() for r in drawn.rows})
	check_wave_files(check, tree, config, wave, drawn, ledger)


def check_campaign(config_path, paths, seed, tree, options, waves=None):
	"""Every fan's fate, recomputed. Returns the list of differences."""
	check = Check()
	with open(config_path, encoding="utf-8") as f:
		config = json.load(f)
	eligible = check_scoring(check, tree, config, paths, options)
	ledger = load_ledger(check, os.path.join(tree, "ledger.csv"), config)
	for wave in waves or [w["id"] for w in config["waves"]]:
		check_wave(check, tree, config, wave, eligible, seed, options, ledger)
	return check.faults


# Commands --------------------------------------------------------------------------------------------------------

def show(record, **more):
	line = {"line": record.lineno, "lines": record.lines}
	if record.reason:
		line["reason"] = record.reason
	else:
		line["fields"] = [f.decode() for f in record.fields]
	line.update(more)
	print(json.dumps(line, ensure_ascii=False))


def main_reader(args):
	header, records = read(slurp(args.file), args.delimiter and args.delimiter.encode(), args.file)
	print(json.dumps({"delimiter": header.delimiter.decode(), "columns": header.names}, ensure_ascii=False))
	for r in records:
		show(r)


def main_score(args):
	header, records = read(slurp(args.file), None, args.file)
	out, rejects = score(header, records, ranks=args.ranks, of=args.of)
	sys.stdout.buffer.write(out.bytes())
	for r, why in rejects:
		print(json.dumps({"line": r.lineno, "reason": why}), file=sys.stderr)


def main_campaign(args):
	with open(args.seed_file, encoding="ascii") as f:
		seed = bytes.fromhex(f.read().strip())
	options = {"blacklist": args.blacklist, "whitelist": args.whitelist, "opt_out": args.opt_out,
		"disposable": [] if args.no_disposable else args.disposable, "relay": args.relay, "exclude": args.exclude,
		"max_per_phone": args.max_per_phone, "max_per_email": args.max_per_email}
	faults = check_campaign(args.config, args.scores, seed, args.out_of, options, args.wave)
	for line in faults[:40]:
		print(line)
	if faults:
		return 1
	print("every record's fate is the same")
	return 0


def main():
	parser = argparse.ArgumentParser(description="the independent model of the contracts",
		formatter_class=argparse.RawDescriptionHelpFormatter, epilog=__doc__)
	sub = parser.add_subparsers(dest="command", required=True)
	p = sub.add_parser("reader")
	p.add_argument("--delimiter")
	p.add_argument("file")
	p = sub.add_parser("score")
	p.add_argument("--ranks", action="store_true")
	p.add_argument("--of", type=int)
	p.add_argument("file")
	p = sub.add_parser("campaign")
	p.add_argument("--config", required=True)
	p.add_argument("--scores", action="append", required=True)
	p.add_argument("--seed-file", required=True)
	p.add_argument("--out-of", required=True)
	for name in ("blacklist", "whitelist", "opt-out", "disposable", "relay", "exclude", "wave"):
		p.add_argument("--" + name, action="append", default=[])
	p.add_argument("--no-disposable", action="store_true")
	p.add_argument("--max-per-phone", type=int, default=0)
	p.add_argument("--max-per-email", type=int, default=0)
	args = parser.parse_args()
	try:
		return {"reader": main_reader, "score": main_score, "campaign": main_campaign}[args.command](args)
	except Stop as stop:
		print("reference.py: %s" % stop, file=sys.stderr)
		return stop.status


if __name__ == "__main__":
	sys.exit(main())
