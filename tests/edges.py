"""What DESIGN 3 promises of every command line, judged on the tools themselves: edges.py GROUP FOLDER

Each case runs for every tool, in a folder of its own below FOLDER. One that fails is named with its tool, and
the rest go on; the exit status is 1 when any failed. The tools are started directly: a shell and bats' `run`
between cost several times what the tools do.
"""

import csv
import glob
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import time

csv.field_size_limit(1 << 30)
SOURCE, TOOLS = os.environ["VF_SRCDIR"], os.environ["VF_BINDIR"]
ALL = sorted(os.path.basename(page)[:-2] for page in glob.glob(f"{SOURCE}/man/vf-*.1"))
# Tools that read CSV and write CSV to standard output, with what they need besides the input.
FILTERS = {
    "vf-score": [],
    "vf-filter": ["--no-disposable"],
    "vf-draw": ["-c", "config.json", "--wave", "w1", "--seed-file", "seed"],
    "vf-assign": ["-c", "config.json", "--wave", "w1", "--codes", "codes.csv", "--ledger"],
}
HEADER = "globalUserId,email,market,score,band\n"
BAD = HEADER + "x\n"        # a header and a record of too few fields
ledgers = 0
groups = {}


class Failed(Exception):
    pass


def case(group, of=tuple(FILTERS)):
    """A case of this group. It is called once for each tool, or once when it takes none."""
    def add(function):
        groups.setdefault(group, []).append((function, of))
        return function
    return add


def same(what, got, want):
    if got != want:
        raise Failed(f"{what}:\n  got    {got!r:.2000}\n  wanted {want!r:.2000}")


def holds(what, truth):
    if not truth:
        raise Failed(what)


def records(count):
    """This many good records that every filter takes."""
    return HEADER + "".join(f"nf{i},fan{i}@example.com,NYC,0.500000,low\n" for i in range(1, count + 1))


def codes(first, last):
    return "".join(f"C{i:011}\n" for i in range(first, last + 1))


GOOD, CODES = records(2), "code\n" + codes(1, 20000)


def read(name):
    with open(name, "rb") as stream:
        return stream.read().decode("utf-8", "surrogateescape")


def write(name, text):
    with open(name, "wb") as stream:
        stream.write(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)


def rejects(name):
    with open(name, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def stats(name):
    """The last line of a stats file, once each line of a run that came to its end accounts for all that came in."""
    lines = [json.loads(line) for line in read(name).splitlines()]
    for line in lines:
        if line["exit"] == 0:
            same("in, and what became of it", line["in"],
                 line["out"] + line["rejected"] + line.get("unselected", 0) + line.get("deferred", 0))
    return lines[-1]


def start(argv, stdin=None, stdout=None, stderr=None, env=None):
    """Starts a tool. A descriptor is an open one, a path with flags, or None for closed."""
    actions = []
    for number, target in enumerate((stdin, stdout, stderr)):
        if target is None:
            actions.append((os.POSIX_SPAWN_CLOSE, number))
        elif isinstance(target, tuple):
            actions.append((os.POSIX_SPAWN_OPEN, number, *target, 0o600))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, target, number))
    return os.posix_spawn(f"{TOOLS}/{argv[0]}", argv, os.environ if env is None else env, file_actions=actions,
                          setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM], setsigmask=[])


def ended(pid):
    """Waits for it. A signal that ended it is shown as a shell shows it."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


class Ran:
    """status, out and err of a tool that ran. stdin is text, or a path with flags; stdout a path with flags."""

    def __init__(self, argv, stdin="", env=None, **stdout):
        feed, tap, words = os.pipe(), os.pipe(), os.pipe()
        if isinstance(stdin, str):
            os.write(feed[1], stdin.encode())        # a pipe holds it
        os.close(feed[1])
        pid = start(argv, stdin if isinstance(stdin, tuple) else feed[0], stdout.get("stdout", tap[1]), words[1], env)
        for number in (feed[0], tap[1], words[1]):
            os.close(number)
        with open(tap[0], "rb") as stream:
            self.out = stream.read().decode("utf-8", "surrogateescape")
        with open(words[0], "rb") as stream:
            self.err = stream.read().decode("utf-8", "surrogateescape")
        self.status = ended(pid)
        self.argv = argv

    def is_(self, status, **streams):
        """Its exit status, and what stands in `out` and `err` (without the last line end)."""
        got = {"status": self.status, **{name: getattr(self, name).removesuffix("\n") for name in streams}}
        same(" ".join(self.argv[:12]) + (f" ({self.err[:500]})" if self.status != status else ""), got,
             {"status": status, **streams})
        return self

    def one_line(self, beginning=""):
        holds(f"{self.argv}: not one line on stderr that begins so: {beginning}: {self.err!r}",
              self.err.count("\n") == 1 and self.err.endswith("\n") and self.err.startswith(beginning) and self.err != "\n")


def args(tool):
    """The least it needs. Each call takes a new ledger."""
    global ledgers
    ledgers += 1
    return [tool, *FILTERS[tool], *([f"ledger{ledgers}.csv"] if tool == "vf-assign" else [])]


def run(tool, *more, **streams):
    return Ran(args(tool) + list(more), **streams)


FULL = ("/dev/full", os.O_WRONLY)
helps = {}


def help_of(tool):
    if tool not in helps:
        helps[tool] = Ran([tool, "--help"]).is_(0, err="").out
    return helps[tool]


@case("all", ALL)
def help_goes_to_stdout_and_version_names_the_tool(tool):
    holds(f"--help begins {help_of(tool)[:60]!r}", help_of(tool).startswith(f"Usage: {tool} "))
    ran = Ran([tool, "--version"]).is_(0)
    holds(f"--version: {ran.out!r}", ran.out.startswith(f"{tool} (vf) "))


@case("all", ALL)
def help_and_version_fail_on_a_full_disk_and_a_closed_stdout(tool):
    Ran([tool, "--help"], stdout=FULL).is_(1, err=f"{tool}: stdout: No space left on device")
    Ran([tool, "--version"], stdout=None).is_(1, err=f"{tool}: stdout: Bad file descriptor")


@case("all", ALL)
def an_unknown_option_is_exit_2_and_one_line(tool):
    Ran([tool, "--no-such-option"]).is_(
        2, out="", err=f"{tool}: --no-such-option is no option of this tool; see {tool} --help")
    Ran([tool, "--stats"]).is_(2, err=f"{tool}: --stats needs a value; see {tool} --help")
    Ran([tool, "--help=yes"]).is_(2).one_line()


@case("all", ALL)
def help_and_the_man_page_agree_about_the_options(tool):
    # Of the last two lines, which name the common options, each word that is one.
    common = " ".join(help_of(tool).splitlines()[-2:])
    told = {*re.findall(r"--[a-z][a-z-]+(?= )", help_of(tool)), *re.findall(r"--[a-z-]+", common)}
    page = subprocess.run(["mandoc", "-T", "utf8", f"{SOURCE}/man/{tool}.1"], stdout=subprocess.PIPE, check=True,
                          encoding="utf-8").stdout
    page = re.sub(".\b", "", page)
    page = page[page.index("\nDESCRIPTION"):page.index("\nEXIT STATUS")]
    shown = {option for line in re.findall(r"^ +-.*", page, re.M) for option in re.findall(r"--[a-z][a-z-]+", line)}
    same("options", sorted(told), sorted(shown | {"--max-rejects"}))


@case("all", [None])
def a_letter_means_one_option_everywhere(_):
    pairs = {pair for tool in ALL for pair in re.findall(r"^  -([A-Za-z]), --([a-z-]+)", help_of(tool), re.M)}
    holds("no option has a letter", len(pairs) > 2)
    same("letters of two options, options of two letters", (len({one for one, _ in pairs}), len({one for _, one in pairs})),
         (len(pairs), len(pairs)))


@case("all", ALL)
def the_exit_status_and_examples_stand_in_the_man_page(tool):
    page = read(f"{SOURCE}/man/{tool}.1")
    for code in (0, 1, 2, 75):
        holds(f"no exit status {code}", re.search(rf"^\.It( Sy)? {code}\b", page, re.M))
    holds("no EXAMPLES", re.search(r"^\.Sh EXAMPLES", page, re.M))


@case("input")
def an_empty_input_is_exit_1_and_a_header_alone_is_an_empty_stream(tool):
    run(tool, stdin=("/dev/null", os.O_RDONLY)).is_(1, out="", err=f"{tool}: stdin: empty: there is no header")
    ran = run(tool, stdin=HEADER).is_(0, err="")
    holds(f"{ran.out!r}", ran.out.startswith("globalUserId,") and ran.out.count("\n") == 1)


@case("input")
def a_missing_column_is_exit_2_and_named(tool):
    ran = run(tool, stdin="id,email,market,score,band\na,a@example.com,NYC,1,high\n").is_(2, out="")
    ran.one_line(f"{tool}: stdin: no column globalUserId")


@case("input")
def a_missing_file_a_directory_and_an_unreadable_path_are_exit_1_and_one_line(tool):
    run(tool, "nowhere.csv").is_(1, err=f"{tool}: nowhere.csv: No such file or directory")
    run(tool, ".").is_(1, err=f"{tool}: .: Is a directory")
    run(tool, stdin=(".", os.O_RDONLY)).is_(1, err=f"{tool}: stdin: Is a directory")
    run(tool, "good.csv", "nowhere.csv").is_(1, out="")


@case("input")
def crlf_a_byte_order_mark_and_a_missing_last_line_end_change_nothing(tool):
    write("crlf.csv", GOOD.replace("\n", "\r\n"))
    write("bom.csv", "\ufeff" + GOOD[:-1])
    plain = run(tool, "good.csv").is_(0).out
    same("lines", plain.count("\n"), 3)
    run(tool, "crlf.csv").is_(0, out=plain[:-1])
    run(tool, "bom.csv").is_(0, out=plain[:-1])


@case("input")
def bad_records_of_every_kind_are_rejected_one_at_a_time_and_all_is_accounted_for(tool):
    head, one, two = GOOD.encode().splitlines(keepends=True)
    write("bad.csv", b"".join((
        head, one,
        b"nf\0a,fan@example.com,NYC,0.5,low\n",
        b"nfb,\xff@example.com,NYC,0.5,low\n",
        b'nfc,"fan"c@example.com,NYC,0.5,low\n',
        b'nfd,"fan\n@example.com",NYC,0.5,low\n',
        b"nfe,fan@example.com,NYC\n",
        b"nff,", b"x" * 1100000, b",NYC,0.5,low\n",
        b"nfg,fan\rg@example.com,NYC,0.5,low\n",
        two)))
    ran = run(tool, "--rejects", "r.csv", "--stats", "s.json", "bad.csv").is_(0, err="")
    same("lines", ran.out.count("\n"), 3)
    same("rejects", [(row["line"], row["reason"], row["detail"]) for row in rejects("r.csv")], [
        ("3", "nul-byte", ""), ("4", "bad-utf8", ""), ("5", "bad-quote", ""), ("6", "line-break", "2"),
        ("8", "field-count", ""), ("9", "too-long", "1100016"), ("10", "line-break", "1")])
    line = stats("s.json")
    same("in, rejected", (line["in"], line["rejected"]), (9, 7))
    same("lines of rejects", read("r.csv").count("\n"), 8)
    holds("the rejects are too long", os.path.getsize("r.csv") < 70000)


@case("input")
def headers_that_differ_are_exit_2_naming_the_file(tool):
    write("other.csv", GOOD.replace("market,score", "score,market", 1))
    run(tool, "good.csv", "other.csv").is_(
        2, out="", err=f"{tool}: other.csv:1: the header differs from that of good.csv")


@case("input", [None])
def more_files_than_a_record_can_name_are_exit_2(_):
    Ran(["vf-score"] + ["good.csv"] * 65536, env={}).is_(2, out="", err="vf-score: more than 65535 files")


@case("output")
def a_full_disk_at_stdout_output_stats_and_rejects(tool):
    write("many.csv", records(20000))
    run(tool, "good.csv", stdout=FULL).is_(1, err=f"{tool}: stdout: No space left on device")
    for more in (["-o", "/dev/full", "many.csv"], ["--stats", "/dev/full", "good.csv"]):
        run(tool, *more).is_(1, err=f"{tool}: /dev/full: No space left on device")
    run(tool, "--rejects", "/dev/full", "-o", "out.csv", stdin=BAD).is_(
        1, err=f"{tool}: /dev/full: No space left on device")
    holds("out.csv was made", not os.path.exists("out.csv"))


@case("output")
def a_closed_stdout_is_exit_1(tool):
    run(tool, "good.csv", stdout=None).is_(1, err=f"{tool}: stdout: Bad file descriptor")


@case("output")
def a_closed_pipe_ends_it_by_sigpipe_quietly_with_a_stats_line(tool):
    write("many.csv", records(60000))        # twice what a pipe may hold
    write("codes.csv", "code\n" + codes(1, 60000))
    tap, words = os.pipe(), os.pipe()
    pid = start(args(tool) + ["--stats", "s.json", "many.csv"], ("/dev/null", os.O_RDONLY), tap[1], words[1])
    os.close(tap[1])
    os.close(words[1])
    with open(tap[0], "rb", buffering=0) as stream:
        holds("no first line", b"\n" in stream.read(4096))
    with open(words[0], encoding="utf-8") as stream:
        same("stderr", stream.read(), "")
    same("status", ended(pid), 141)
    same("exit", stats("s.json")["exit"], 141)


@case("output")
def rejects_and_stats_into_dev_null_are_taken(tool):
    run(tool, "--rejects", "/dev/null", "--stats", "/dev/null", stdin=BAD).is_(0, err="")
    holds("/dev/null is no device any more", os.major(os.stat("/dev/null").st_rdev) == 1)


@case("output")
def stats_and_rejects_as_a_dash_go_to_standard_output(tool):
    lines = run(tool, "--stats", "-", "--rejects", "-", "-o", "out.csv", stdin=BAD).is_(0).out.splitlines()
    same("rejects", lines[:2], ["tool,file,line,reason,detail,record", f"{tool},stdin,2,field-count,,x"])
    same("stats", json.loads(lines[2])["tool"], tool)
    holds("there is a file -", not os.path.exists("-"))


@case("output")
def stats_and_rejects_into_the_file_that_is_standard_output_overwrite_nothing(tool):
    # One open file for both lines and the tool, as a shell's { ...; } >all.txt.
    with open("all.txt", "wb", buffering=0) as out:
        out.write(b"before\n")
        run(tool, "--stats", "-", "--rejects", "/dev/stdout", "-o", "out.csv", stdin=BAD, stdout=out.fileno()).is_(0)
        out.write(b"after\n")
    lines = read("all.txt").splitlines()
    same("stats", json.loads(lines.pop(3))["tool"], tool)
    same("lines", lines, ["before", "tool,file,line,reason,detail,record", f"{tool},stdin,2,field-count,,x", "after"])
    # Together with the records they would be neither.
    run(tool, "--rejects", "-", "good.csv").is_(
        2, out="", err=f"{tool}: --rejects: standard output has the records; give them -o")


@case("output")
def a_file_that_is_read_cannot_be_appended_to_as_well(tool):
    for name in ("--rejects", "--stats"):
        write("both.csv", GOOD)
        run(tool, name, "./both.csv", "-o", "out.csv", "both.csv").is_(
            2, err=f"{tool}: both.csv: read and, as {name}, written to")
        holds("out.csv was made", not os.path.exists("out.csv"))
        if name == "--rejects":
            same("both.csv", read("both.csv"), GOOD)
    write("both.csv", GOOD)
    run(tool, "both.csv", stdout=("both.csv", os.O_WRONLY | os.O_APPEND)).is_(
        2, err=f"{tool}: both.csv: read and, as standard output, written to")
    same("both.csv", read("both.csv"), GOOD)
    # To replace it is no fault.
    run(tool, "-o", "both.csv", "both.csv").is_(0)
    same("lines", read("both.csv").count("\n"), 3)


@case("output", [None])
def several_writers_share_one_stats_file_and_one_rejects_file(_):
    write("bad.csv", GOOD + "".join(f"{i}\n" for i in range(1, 3001)))
    null = ("/dev/null", os.O_RDWR)
    pids = [start(["vf-score", "--stats", "s.json", "--rejects", "r.csv", "-o", f"out{i}", "bad.csv"], null, null, 2)
            for i in range(8)]
    same("status", [ended(pid) for pid in pids], [0] * 8)
    stats("s.json")
    same("in", [json.loads(line)["in"] for line in read("s.json").splitlines()], [3002] * 8)
    same("reasons", [row["reason"] for row in rejects("r.csv")], ["field-count"] * 24000)
    same("headers", len(re.findall("^tool,file", read("r.csv"), re.M)), 1)


@case("output")
def output_is_whole_or_nothing_follows_links_keeps_devices_and_leaves_no_temporary(tool):
    os.mkdir("work")
    write("work/target", "old\n")
    os.symlink("target", "work/link")
    run(tool, "-o", "work/link", "nowhere.csv").is_(1)
    same("target", read("work/target"), "old\n")
    run(tool, "-o", "work/link", "good.csv").is_(0)
    holds("the link is gone", os.path.islink("work/link"))
    same("lines", read("work/target").count("\n"), 3)
    same("files", sorted(os.listdir("work")), ["link", "target"])
    same("lines", run(tool, "-o", "/dev/stdout", "good.csv").is_(0).out.count("\n"), 3)
    run(tool, "-o", "no/such/folder", "good.csv").is_(1).one_line()


@case("output")
def sigterm_is_exit_75_sigint_ends_by_the_signal_and_nothing_is_left_behind(tool):
    os.mkdir("work")
    os.mkfifo("fifo")
    for number, status in ((signal.SIGTERM, 75), (signal.SIGINT, 130)):
        pid = start(args(tool) + ["--stats", f"{status}.json", "-o", "work/out.csv", "fifo"],
                    ("/dev/null", os.O_RDONLY), ("/dev/null", os.O_WRONLY), ("err.txt", os.O_WRONLY | os.O_CREAT))
        with open("fifo", "wb", buffering=0) as out:
            out.write(GOOD.encode())
            deadline = time.monotonic() + 10
            while not os.listdir("work") and time.monotonic() < deadline:
                time.sleep(0.005)
            holds("no output was begun", os.listdir("work"))
            os.kill(pid, number)
            same(f"status ({read('err.txt')})", ended(pid), status)
        same("exit", stats(f"{status}.json")["exit"], status)
        same("left in the folder", os.listdir("work"), [])


@case("options")
def a_file_name_may_hold_anything_messages_and_reject_lines_stay_lines_of_utf8(tool):
    name = os.fsdecode(b"a\nb\x1b\xff\\.csv")
    write(name, BAD)
    run(tool, "--rejects", "r.csv", "--stats", "s.json", name).is_(0)
    same("rejects", read("r.csv").split("\n", 1)[1], f"{tool},a\\nb\x1b\\xFF\\\\.csv,2,field-count,,x\n")
    same("inputs", len(stats("s.json")["input"]), 1)
    run(tool, "no" + name).is_(1, err=f"{tool}: noa\\nb\\x1B\\xFF\\.csv: No such file or directory")


@case("options")
def max_rejects_is_judged_at_the_end_and_then_output_does_not_appear(tool):
    write("bad.csv", GOOD + "x\n")
    for limit in ("0", "33%", "0.5%"):
        run(tool, "--rejects", "/dev/null", "--max-rejects", limit, "-o", "out.csv", "bad.csv").is_(
            3, err=f"{tool}: 1 of 3 records rejected: more than --max-rejects {limit}")
        holds("out.csv was made", not os.path.exists("out.csv"))
    for limit in ("1", "34%", "100%"):
        run(tool, "--rejects", "/dev/null", "--max-rejects", limit, "-o", "out.csv", "bad.csv").is_(0)
        same("lines", read("out.csv").count("\n"), 3)
        os.unlink("out.csv")
    for limit in ("many", "0x10%", "1e1%", "101%", "%", "-1"):
        run(tool, "--max-rejects", limit, "bad.csv").is_(2).one_line()


@case("options")
def without_rejects_the_first_few_are_named_on_stderr_without_a_persons_data(tool):
    write("bad.csv", GOOD + "only,secret@example.com\n" * 9)
    lines = run(tool, "bad.csv").is_(0).err.splitlines()
    same("lines", len(lines), 6)
    same("first and last", (lines[0], lines[-1]), (f"{tool}: bad.csv:4: rejected: field-count",
         f"{tool}: 9 rejected: field-count 9 (--rejects FILE keeps them)"))
    holds("somebody's address", not any("secret" in line for line in lines))


@case("options")
def column_renames_and_two_equal_names_are_exit_2(tool):
    write("renamed.csv", GOOD.replace("globalUserId", "uid", 1))
    ran = run(tool, "--column", "globalUserId=uid", "renamed.csv").is_(0)
    holds(f"{ran.out!r}", ran.out.startswith("globalUserId,email,"))
    run(tool, "--column", "globalUserId=nothing", "renamed.csv").is_(2).one_line()
    run(tool, "--column", "email=uid", "renamed.csv").is_(
        2, err=f"{tool}: renamed.csv:1: columns 1 and 2 have the same name")


@case("options")
def column_names_columns_as_the_file_does_two_may_change_places_none_is_named_twice(tool):
    write("swapped.csv", "globalUserId,market,email,score,band\n" + GOOD.split("\n", 1)[1])
    plain = run(tool, "good.csv").is_(0).out
    pair = ["--column", "email=market", "--column", "market=email"]
    for order in (pair, pair[2:] + pair[:2]):
        run(tool, *order, "swapped.csv").is_(0, out=plain[:-1])
    run(tool, "--column", "a=score", "--column", "b=score", "good.csv").is_(
        2, err=f"{tool}: good.csv:1: --column names column score twice")


@case("options")
def log_json_makes_every_message_an_object(tool):
    message = json.loads(run(tool, "--log", "json", "nowhere.csv").is_(1).err)
    same("message", (message["tool"], message["level"], message["message"]),
         (tool, "error", "nowhere.csv: No such file or directory"))


@case("options")
def a_second_run_on_its_own_output_is_byte_identical(tool):
    one = run(tool, "good.csv").is_(0).out
    write("one.csv", one)
    run(tool, "one.csv").is_(0, out=one[:-1])


def ready():
    """What every case finds in its folder."""
    write("config.json", '{"id":"c1","markets":[{"id":"NYC","limit":100000}],'
                         '"waves":[{"id":"w1","notifyDate":"2027-06-01T12:00:00Z"}]}\n')
    write("seed", f"{7:064}\n")
    os.chmod("seed", 0o600)
    write("codes.csv", CODES)
    write("good.csv", GOOD)


def main(group, folder):
    failures = count = 0
    for number, (function, of) in enumerate(groups[group]):
        for tool in of:
            work = f"{folder}/{number}-{tool}"
            os.mkdir(work)
            os.chdir(work)
            ready()
            count += 1
            try:
                function(tool)
            except Exception as fault:        # whatever it is: this case has failed, and the next is judged
                failures += 1
                words = io.StringIO()
                print("not ok:", function.__name__.replace("_", " "), f"[{tool or ''}]", file=words)
                print(f"{type(fault).__name__}: {fault}", file=words)
                print(f"{__file__}:{inspect.getsourcelines(function)[1]}", file=words)
                sys.stdout.write(words.getvalue().encode("utf-8", "backslashreplace").decode())
    print(f"{count} cases of {group}, {failures} failed")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in groups:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], os.path.abspath(sys.argv[2])))
