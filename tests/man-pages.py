"""What the manual pages must say beside their examples: man-pages.py SOURCE EXAMPLES

EXAMPLES is where man-examples.py put what it found: PAGE.d/1.sh and on. Each fault is a line.
"""

import glob
import os
import re
import subprocess
import sys

SOURCE, EXAMPLES = sys.argv[1:] if len(sys.argv) == 3 else sys.exit(__doc__)
TOOLS = sorted(os.path.basename(path)[:-2] for path in glob.glob(f"{SOURCE}/tools/vf-*.c"))
PAGES = [*sorted(os.path.basename(path) for path in glob.glob(f"{SOURCE}/man/*.1")), "vf.7"]
faults = []


def read(name):
    with open(f"{SOURCE}/{name}", encoding="utf-8") as stream:
        return stream.read()


def squeezed(text):
    """Without empty lines, blanks at the ends, and more than one blank between words."""
    lines = (re.sub(r"[ \t]+", " ", line).strip(" ") for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def check_examples(page):
    """Two or more, the last one a pipeline; and what runs is what man shows."""
    folder = f"{EXAMPLES}/{page}.d"
    names = sorted((name for name in os.listdir(folder) if name.endswith(".sh")), key=lambda name: int(name[:-3]))
    snippets = []
    for name in names:
        with open(f"{folder}/{name}", encoding="utf-8") as stream:
            snippets.append(stream.read())
    if len(snippets) < 2:
        faults.append(f"{page}: fewer than two examples")
    elif not re.search(r"(^|[^|])\|($|[^|])", snippets[-1], re.M):
        faults.append(f"{page}: the last example has no pipe")
    shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=500", f"{SOURCE}/man/{page}"], stdout=subprocess.PIPE,
                           check=True, encoding="utf-8").stdout
    shown = re.search(r"^EXAMPLES.*?^SEE ALSO", re.sub(".\b", "", shown), re.M | re.S)
    shown = squeezed(shown.group()) if shown else ""
    for snippet in snippets:
        if squeezed(snippet) not in shown:
            faults.append(f"{page}: not shown:\n{snippet}")


def reasons(tool, sources):
    """The words of the array that its table names, from the tool's source or wherever that array is."""
    own = read(f"tools/{tool}.c")
    name = re.search(r"^\t\.reasons = ([a-z_]*),$", own, re.M)
    if not name:
        if ".reasons = " in own:
            faults.append(f"{tool}: its reasons cannot be read")
        return []
    start = re.compile(rf"^(?:static )?const char \*const {name[1]}\[.*?NULL", re.M | re.S)
    array = next(filter(None, map(start.search, [own, *sources])), None)
    words = re.findall(r'"([a-z-]+)"', array.group()) if array else []
    if not words:
        faults.append(f"{tool}: no reasons found in the source")
    return words


def check_reasons():
    sources = [read(os.path.relpath(path, SOURCE)) for path in
               sorted(glob.glob(f"{SOURCE}/tools/*.c") + glob.glob(f"{SOURCE}/libvf/*/*.c"))]
    found = {tool: reasons(tool, sources) for tool in TOOLS}
    for tool, words in found.items():
        lines = read(f"man/{tool}.1").split("\n") if words else []
        faults.extend(f"{tool}.1: no {word}" for word in words if f".It Cm {word}" not in lines)
    if sum(map(len, found.values())) <= 20 or not {"bad-score", "duplicate-fan"} <= set(found["vf-score"]):
        faults.append(f"too few reasons were found in the sources: {found}")


def check_lists():
    """Every tool is in vf(7), in README's table and in NEWS, and has a page."""
    overview, readme, news = read("man/vf.7"), read("README.md"), read("NEWS")
    for tool in TOOLS:
        if f"\n.It Xr {tool} 1\n" not in overview:
            faults.append(f"vf.7: no {tool}")
        if f"\n| `{tool}` |" not in readme:
            faults.append(f"README.md: no {tool}")
        if not re.search(rf"\b{tool}\b", news):
            faults.append(f"NEWS: no {tool}")
        if f"{tool}.1" not in PAGES:
            faults.append(f"no page {tool}.1")


for one in PAGES:
    check_examples(one)
check_reasons()
check_lists()
print("\n".join(faults) if faults else f"{len(PAGES)} pages, {len(TOOLS)} tools")
sys.exit(1 if faults or len(TOOLS) < 19 else 0)
