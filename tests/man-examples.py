#!/usr/bin/env python3
"""The EXAMPLES of an mdoc page as shell snippets.

    man-examples.py PAGE... DIR

Writes DIR/PAGE.d/1.sh, 2.sh ... in the order of the page: one for each block
`.Bd -literal ... .Ed` and for each line `.Dl`, mdoc's escapes undone. What
cannot be undone for certain is an error: `PAGE:LINE: cause`, exit 1 after
the other pages were read.
"""

import os
import re
import sys

ESCAPES = {
    "\\e": "\\", "\\(rs": "\\", "\\-": "-", "\\&": "", "\\ ": " ",
    "\\(dq": '"', "\\(aq": "'", "\\(ga": "`", "\\(ti": "~", "\\(ha": "^",
}
# Of a .Dl line's words these would be macros, and not stand there as they are.
MACRO = re.compile(r"[A-Z][a-z]$")


class Fault(Exception):
    pass


def plain(text):
    """Text as man shows it."""
    def one(match):
        escape = match.group()
        if escape not in ESCAPES:
            raise Fault(f"an escape that is not known here: {escape}")
        return ESCAPES[escape]
    return re.sub(r"\\(?:\(..|\[[^]]*\]|.|$)", one, text)


def block_line(line):
    """A line of a literal block: text; a request or macro has no place there."""
    if line.startswith((".", "'")):
        raise Fault("a macro or request in a literal block")
    return plain(line)


def dl_line(line):
    words = line.split()
    if '"' in line or any(MACRO.match(word) for word in words):
        raise Fault(".Dl: a quote or a macro's name; use .Bd -literal")
    return plain(" ".join(words))


def examples(lines):
    """Yields each snippet; Fault is raised as `line: cause`."""
    inside, block = False, None
    for number, line in enumerate(lines, 1):
        try:
            if re.match(r"\.\s*\\\"", line):
                continue
            if line.startswith(".Sh"):
                if block is not None:
                    raise Fault("a block that never ends")
                inside = line.split()[1:] == ["EXAMPLES"]
            elif block is not None and re.match(r"\.Ed\b", line):
                yield "".join(block)
                block = None
            elif block is not None:
                block.append(block_line(line) + "\n")
            elif inside and re.match(r"\.Bd\b", line):
                if "-literal" not in line.split():
                    raise Fault("a block that is not literal")
                block = []
            elif inside and line.startswith(".Dl "):
                yield dl_line(line[4:]) + "\n"
        except Fault as fault:
            raise Fault(f"{number}: {fault}") from None
    if block is not None:
        raise Fault(f"{len(lines)}: a block that never ends")


def main(pages, folder):
    faults = []
    for page in pages:
        with open(page, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
        into = os.path.join(folder, os.path.basename(page) + ".d")
        os.mkdir(into)
        try:
            for number, snippet in enumerate(examples(lines), 1):
                with open(os.path.join(into, f"{number}.sh"), "w", encoding="utf-8") as out:
                    out.write(snippet)
        except Fault as fault:
            faults.append(f"{page}:{fault}")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1:-1], sys.argv[-1])
