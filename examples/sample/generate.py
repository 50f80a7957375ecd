#!/usr/bin/env python3
"""Makes a campaign of made-up fans: configuration, scored file and lists.

    generate.py --out DIR [--seed N] [--fans N] [--vary] [--ranks]

Without --seed it makes the bundled sample again, byte for byte. --vary draws the
configuration too (markets, limits, options), for tests. Nobody in it exists:
names are numbers, phones are 555-01xx or numbers set aside for fiction, mail
domains are example domains. The few well-known relay and disposable mail
domains are there to show the rules; the local parts before them are made up.
"""
import argparse
import json
import os
import random

COLUMNS = "globalUserId,email,phone,phoneConfirmed,market,score,tags"
MARKETS = [	# id, time zone, area codes, share of the fans
	("NYC", "America/New_York", "212 646 917 347 718", 0.30),
	("LAX", "America/Los_Angeles", "213 310 323 818", 0.24),
	("CHI", "America/Chicago", "312 773", 0.18),
	("MIA", "America/New_York", "305 786", 0.11),
	("PHX", "America/Phoenix", "602 480 623", 0.09),
	("TOR", "America/Toronto", "416 647 437", 0.08),
]
MAIL = ["example.com"] * 8 + ["example.net"] * 4 + ["example.org"] * 4 + ["Mail.Example.COM", "post.example"]
RELAY = ["privaterelay.appleid.com", "duck.com", "mozmail.com"]
DISPOSABLE = ["mailinator.com", "guerrillamail.com", "yopmail.com", "sharklasers.com", "inbox.mailinator.com"]
BLACK = ["resale.example", "bulk.scalper.example", "scalper.example", "promo-2027.example", "list.example"]
BAD_MAIL = ["nobody", "a@b@example.com", "dots..twice@example.com", ".first@example.com", "no-domain@", "@example.com",
	"under_score@exa_mple.com", "space in@example.com", "x@-dash.example.com", "toolong" * 10 + "@example.com", "one@localhost"]
ABROAD = ["+61491570156", "+61 491 570 157", "+46701740605", "+46 70 174 06 06"]
BAD_PHONE = ["12345", "call me", "212-555-01", "+1212555012x", "n/a", "+1 212 555 0123 ext. 4"]
BAD_SCORE = ["", "high", "1.2", "-0.5", "0,9", "NaN", "0x1p-1", "1e", "."]
BAD_USER = ["", "null", "undefined", "two words", "semi;colon", "x" * 129, "ümlaut"]


class Dice:
	"""Only random() is used: its numbers are the same in every Python."""

	def __init__(self, seed):
		self.random = random.Random(seed).random

	def below(self, n):
		return int(self.random() * n)

	def pick(self, things):
		return things[self.below(len(things))]

	def chance(self, p):
		return self.random() < p


def make_config(dice, vary):
	limits = {"NYC": (900, 600), "LAX": (700, 500), "CHI": (500, 400), "MIA": (300, 250), "PHX": (200, 200), "TOR": (180, 150)}
	markets = [{"id": m, "limit": limits[m][0], "timezone": zone} for m, zone, _, _ in MARKETS]
	config = {
		"id": "harbor-lights-2027",
		"name": "Harbor Lights Tour 2027",
		"options": {"allowIntlPhones": False, "requireConfirmedPhone": False, "homeRegions": ["US", "CA"]},
		"codeType": "generated",
		"bands": {"high": 0.95, "mid": 0.80, "low": 0.22},
		"markets": markets,
		"waves": [
			{"id": "w1", "notifyDate": "2027-03-20T10:00:00-04:00", "limits": {m: a for m, (a, _) in limits.items()}},
			{"id": "w2", "notifyDate": "2027-03-27T10:00:00-04:00", "limits": {m: b for m, (_, b) in limits.items()}},
		],
	}
	if vary:
		vary_config(dice, config)
	return config


def vary_config(dice, config):
	config["id"] = "random-%08d" % dice.below(10 ** 8)
	config["options"] = {"allowIntlPhones": dice.chance(0.4), "requireConfirmedPhone": dice.chance(0.3), "smsUnconfirmed": dice.chance(0.4)}
	if dice.chance(0.5):
		config["options"]["homeRegions"] = dice.pick([["US"], ["US", "CA", "AU"], ["SE", "US"]])
	if dice.chance(0.4):
		config["bands"] = {"high": 0.9, "mid": 0.5, "low": dice.pick([0.1, 0.3])}
	for m in config["markets"]:
		m["limit"] = dice.pick([0, 1, 7, 40, 100, 100000])
	first, second = config["waves"]
	first["limits"] = {m["id"]: dice.pick([0, 3, 25, 80]) for m in config["markets"] if dice.chance(0.6)}
	second["notifyDate"] = dice.pick(["2028-02-29T23:30:00Z", "2027-11-07T01:30:00-05:00", "2027-12-31T20:00:00-08:00"])
	del second["limits"]
	if dice.chance(0.5):
		second["markets"] = [m["id"] for m in config["markets"] if dice.chance(0.6)] or ["NYC"]


def make_fan(dice, k):
	share, at = dice.random(), 0
	market, areas = MARKETS[0][0], MARKETS[0][2]
	for m, _, codes, part in MARKETS:
		at += part
		if share < at:
			market, areas = m, codes
			break
	digits = "%s55501%02d" % (dice.pick(areas.split()), dice.below(100))
	written = dice.pick(["+1%s%s%s", "+1%s%s%s", "(%s) %s-%s", "%s-%s-%s", "1 %s %s %s", "%s.%s.%s"])
	fan = {
		"globalUserId": "f%07x%02x" % (k * 2654435761 % (1 << 28), dice.below(256)),
		"email": "fan%d%s@%s" % (k, dice.pick(["", "", "+tour", ".b"]), dice.pick(MAIL)),
		"phone": written % (digits[:3], digits[3:6], digits[6:]),
		"phoneConfirmed": "true" if dice.chance(0.85) else "false",
		"market": market,
		"score": make_score(dice),
		"tags": dice.pick(["", "", "", "", "", "app", "vip;app", "presale"]),
	}
	special(dice, k, fan)
	return fan


def make_score(dice):
	low, high = dice.pick([(0.95, 1), (0.95, 1), (0.8, 0.95), (0.8, 0.95), (0.8, 0.95), (0.22, 0.8), (0.22, 0.8),
		(0.22, 0.8), (0.22, 0.8), (0, 0.22)])
	value = low + (high - low) * dice.random()
	if dice.chance(0.01):
		return dice.pick(["1", "0", "0.95", "9.5e-1", "0.9499995", "0.94999949999", ".8", "0.22", "2.1999951E-1", "1.", "1e-9", "0.000"])
	return "%.*f" % (dice.pick([4, 5, 6, 6, 6, 8]), value)


def special(dice, k, fan):
	"""The cases that the rules are for, a few in a hundred."""
	roll = dice.below(1000)
	local = "fan%d" % k
	if roll < 12:
		fan["email"] = local + "@" + dice.pick(DISPOSABLE)
	elif roll < 26:
		fan["email"] = local + "@" + dice.pick(BLACK)
	elif roll < 44:
		fan["email"] = local + "@" + dice.pick(RELAY)
	elif roll < 52:
		fan["email"] = dice.pick(BAD_MAIL)
	elif roll < 66:
		fan["phone"] = dice.pick(ABROAD)
	elif roll < 74:
		fan["phone"] = dice.pick(BAD_PHONE)
	elif roll < 77:
		fan["phone"] = "(555) 555-01%02d" % dice.below(100)	# no such area code
	elif roll < 94:
		fan["phone"] = ""
	elif roll < 104:
		fan["email"] = ""
	elif roll < 107:
		fan["email"] = fan["phone"] = ""
	elif roll < 111:
		fan["email"] = local + "@b\u00fccher.example"
	elif roll < 114:
		fan["email"] = "  " + fan["email"] + " "
	elif roll < 117:
		fan["market"] = dice.pick(["", "SEA", "nyc"])
	elif roll < 120:
		fan["score"] = dice.pick(BAD_SCORE)
	elif roll < 122:
		fan["globalUserId"] = dice.pick(BAD_USER)
	elif roll < 124:
		fan["email"] = "vip%d@resale.example" % dice.below(4)
	elif roll < 126:
		fan["phoneConfirmed"] = ""
	elif roll < 128:
		fan["tags"] = 'says "hi";a,b'


def field(value):
	if any(c in value for c in ',"\r\n'):
		return '"' + value.replace('"', '""') + '"'
	return value


def line_of(fan):
	return ",".join(field(v) for v in fan.values())


def broken(dice, k, fan):
	"""One malformed record, as bytes; every kind comes round."""
	good = line_of(fan).encode()
	other = line_of(dict(fan, globalUserId="forged%d" % k)).encode()
	head = ("bad%d" % k).encode()
	kinds = [
		head + b",too,few",
		good + b",one,more",
		head + b',"never closed,+12125550100,true,NYC,0.5,',
		head + b',a "stray" quote@example.com,+12125550100,true,NYC,0.5,',
		head + b',"closed"too early,+12125550100,true,NYC,0.5,',
		head + b',"a@example.com\n' + other + b'\n",,true,NYC,0.5,',	# a forged record stays inside
		head + b',a@example.com,,tr\rue,NYC,0.5,',
		head + b',a@exam\0ple.com,,true,NYC,0.5,',
		head + b',caf\xe9@example.com,,true,NYC,0.5,',
		head + b',\xed\xa0\x80@example.com,,true,NYC,0.5,',
		head + b',"two\r\nlines",,true,NYC,0.5,',
	]
	return kinds[k % len(kinds)]


def make_scores(dice, fans, long_line):
	lines, made, bad = [], [], 0
	for k in range(1, fans + 1):
		fan = make_fan(dice, k)
		made.append(fan)
		if dice.chance(0.004):
			lines.append(line_of(dict(dice.pick(made), score=make_score(dice))).encode())	# a fan once more
		if dice.chance(0.003):
			lines.append(broken(dice, bad, fan))
			bad += 1
		if k == fans // 2 and long_line:
			lines.append(b"long," + b"x" * (1 << 20))
		if dice.chance(0.001):
			lines.append(b"")
		line = line_of(fan).encode()
		lines.append(line + b"\r" if dice.chance(0.002) else line)
	return b"\xef\xbb\xbf" + b"\n".join([COLUMNS.encode()] + lines), made


def make_ranks(data, dice):
	"""The same file with ranks for scores: what --ranks is for."""
	lines = data.split(b"\n")
	n, out = len(lines), []
	for line in lines:
		parts = line.split(b",")
		if len(parts) == 7 and parts[5][:1].isdigit():
			parts[5] = b"%d" % (1 + dice.below(n))
		out.append(b",".join(parts))
	out[0] = out[0].replace(b"score", b"rank")
	return b"\n".join(out)


def make_lists(dice, made):
	some = lambda n: [dice.pick(made) for _ in range(n)]
	black = ["# Who may not take part: addresses, domains, everything below a domain, patterns.",
		"resale.example", "@list.example", ".scalper.example", "*@promo-*.example"]
	black += [f["email"].strip() for f in some(6) if f["email"].startswith("fan") and "@example." in f["email"]]
	white = ["# Welcome all the same: this list goes before the blacklist and the disposable domains.",
		"vip0@resale.example", "vip1@resale.example", "inbox.mailinator.com"]
	out = ["# A phone stops SMS, an address stops e-mail, an id stops both."]
	for f in some(60):
		value = f[dice.pick(["globalUserId", "email", "phone"])].strip()
		if value and len(value) < 100 and (value[0] in "+f" and " " not in value):
			out.append(value)
	return {"blacklist.txt": black, "whitelist.txt": white, "optout.txt": out}


def main():
	parser = argparse.ArgumentParser(description="makes a campaign of made-up fans")
	parser.add_argument("--out", required=True)
	parser.add_argument("--seed", type=int, default=20270320)
	parser.add_argument("--fans", type=int, default=19000)
	parser.add_argument("--vary", action="store_true", help="draw the configuration too")
	parser.add_argument("--ranks", action="store_true", help="ranks instead of scores")
	args = parser.parse_args()
	dice = Dice(args.seed)
	config = make_config(dice, args.vary)
	data, made = make_scores(dice, args.fans, long_line=not args.vary or dice.chance(0.2))
	if args.ranks:
		data = make_ranks(data, dice)
	os.makedirs(args.out, exist_ok=True)
	with open(os.path.join(args.out, "config.json"), "w", encoding="utf-8") as f:
		f.write(json.dumps(config, indent="\t", ensure_ascii=False) + "\n")
	with open(os.path.join(args.out, "scores.txt"), "wb") as f:
		f.write(data)
	for name, lines in make_lists(dice, made).items():
		with open(os.path.join(args.out, name), "w", encoding="utf-8") as f:
			f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
	main()
