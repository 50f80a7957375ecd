"""zones.py PROGRAM -- what base/zone says of random zones, instants and hours, compared with Python's zoneinfo.

PROGRAM is tests/unit/test-zone, which answers questions on stdin when it is called with `ask`. A next opening is checked
by its definition: open then, and closed at every minute (and at every change of the zone) before.
TEST_SEED sets the seed, ZONES_N how many questions.
"""
import datetime
import os
import random
import subprocess
import sys
import zoneinfo

UTC = datetime.timezone.utc
program = sys.argv[1]
seed = int(os.environ.get("TEST_SEED") or random.SystemRandom().randrange(2**32))
count = int(os.environ.get("ZONES_N") or 2000)
print(f"TEST_SEED={seed}")
rng = random.Random(seed)


def good(name):
    # Not zones by name, or with leap seconds.
    return not name.startswith(("right/", "posix/")) and name not in ("posixrules", "Factory", "localtime")


zones = sorted(filter(good, zoneinfo.available_timezones()))
assert len(zones) > 300, "no zones"
cache = {}


def offset(zone, t):
    z = cache.setdefault(zone, zoneinfo.ZoneInfo(zone))
    return int(datetime.datetime.fromtimestamp(t, UTC).astimezone(z).utcoffset().total_seconds())


def is_open(zone, t, hours):
    start, end = hours
    second = (t + offset(zone, t)) % 86400
    a, b = start * 60, end * 60
    return a <= second < b if a < b else second >= a or second < b


def changes(zone, lo, hi):
    """Instants in (lo, hi] at which the offset differs from a second before, by bisection of half-hour steps."""
    out = []
    t = lo
    while t < hi:
        n = min(t + 1800, hi)
        if offset(zone, t) != offset(zone, n):
            a, b = t, n
            while b - a > 1:
                m = (a + b) // 2
                a, b = (m, b) if offset(zone, m) == offset(zone, t) else (a, m)
            out.append(b)
        t = n
    return out


def text(m):
    return f"{m // 60:02d}:{m % 60:02d}"


questions = []
last = 4102444800  # 2100: far behind the files' last changes
while len(questions) < count:
    zone = rng.choice(zones)
    start = rng.randrange(1440)
    end = rng.randrange(1441)
    if start == end or (start, end) == (0, 1440):
        continue
    t = rng.randrange(0, last)
    near = rng.random()
    if near < 0.4:
        # Near a change, where there is one within a year.
        step = 86400 * 7
        for u in range(t, t + 86400 * 365, step):
            if offset(zone, u) != offset(zone, u + step):
                found = changes(zone, u, u + step)
                t = (found[0] if found else u) + rng.choice((-86400, -3600, -1, 0, 1, 3600, 40000))
                break
        if rng.random() < 0.5:
            start = (t + offset(zone, t)) // 60 % 1440
            if start == end:
                continue
    questions.append((zone, max(t, 0), (start, end)))
questions.sort()

lines = "".join(f"{z} {t} {text(h[0])}-{text(h[1])}\n" for z, t, h in questions)
run = subprocess.run([program, "ask"], input=lines, stdout=subprocess.PIPE, text=True, check=True)
answers = run.stdout.splitlines()
assert len(answers) == len(questions)
bad = opened = 0
for (zone, t, hours), answer in zip(questions, answers):
    got = [int(v) for v in answer.split()]
    want = [offset(zone, t), is_open(zone, t, hours)]
    fault = None
    if got[0] != want[0]:
        fault = f"offset {want[0]}"
    elif bool(got[2]) != want[1]:
        fault = f"open {want[1]}"
    elif want[1] and got[3] != t:
        fault = "open now"
    elif not want[1]:
        opened += 1
        if not t < got[3] <= t + 3 * 86400 or not is_open(zone, got[3], hours):
            fault = "not an opening"
        else:
            # The day's second at which the hours open, and changes, are the only instants that can be earlier openings.
            probes = set(range(t - t % 60, got[3], 60)) | set(changes(zone, t, got[3]))
            early = [u for u in probes if t <= u < got[3] and is_open(zone, u, hours)]
            if early:
                fault = f"opens at {min(early)}"
            if is_open(zone, got[3] - 1, hours):
                fault = "open a second before"
    if fault is None and got[1] < 2**62:
        # No other offset between t and the change.
        for u in range(t, min(got[1], t + 86400 * 400), 86400 * 11):
            if offset(zone, u) != want[0]:
                fault = f"changed by {u}"
    if fault is not None:
        bad += 1
        print(f"{zone} {t} {text(hours[0])}-{text(hours[1])}: got {answer}, want {fault}")
assert opened > count // 10, "too few questions about openings"
print(f"{len(questions)} questions, {bad} wrong")
sys.exit(bad > 0)
