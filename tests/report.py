#!/usr/bin/env python3
"""report.py PAGE.html REPORT.json -- is the page of vf-tally well-formed, alone, and does it say what the JSON says?

The page is read by Python's parser; every figure in its tables is compared with the JSON's, every bar with its figure.
"""
import json
import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}
HARMLESS = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "h1", "h2", "h3", "p",
            "ul", "li", "dl", "dt", "dd", "div", "span", "small", "table", "caption", "thead", "tbody", "tr", "th", "td",
            "data", "time", "details", "summary", "figure", "figcaption", "svg", "desc", "rect", "path", "line", "text"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.stack, self.faults, self.ids = [], [], []
        self.sections, self.section = [], None  # each: {"id", "class", "title", "tables": [rows]}
        self.row = self.cell = self.data = None
        self.text, self.refs = [], []

    def handle_starttag(self, tag, attrs):
        self.open(tag, attrs, False)

    def handle_startendtag(self, tag, attrs):
        self.open(tag, attrs, True)

    def open(self, tag, attrs, closed):
        given = dict(attrs)
        if tag not in HARMLESS:
            self.faults.append(f"element {tag}")
        for name, value in attrs:
            if name.startswith("on") or name in ("href", "src", "srcset", "action", "style", "xlink:href"):
                self.faults.append(f"attribute {name}")
            if value and re.search(r"https?:|//|javascript:", value):
                self.faults.append(f"an address in {name}")
        if len(given) != len(attrs):
            self.faults.append(f"an attribute twice in {tag}")
        if "id" in given:
            self.ids.append(given["id"])
        self.refs += given.get("aria-labelledby", "").split()
        if tag == "section":
            self.section = {"id": given.get("id"), "class": given.get("class"), "title": "", "tables": []}
            self.sections.append(self.section)
        elif tag == "table":
            self.section["tables"].append([])
        elif tag == "tr":
            self.row = []
            self.section["tables"][-1].append(self.row)
        elif tag in ("th", "td"):
            self.cell = {"text": "", "data": None, "bar": None, "head": tag == "th" and given.get("scope") == "col",
                         "group": given.get("scope") == "rowgroup"}
            self.row.append(self.cell)
        elif tag == "data":
            self.data = (given["value"], [])
            if self.cell is not None:
                self.cell["data"] = float(given["value"])
        elif tag == "rect" and self.cell is not None and given.get("class") != "track":
            self.cell["bar"] = float(given["width"])
        if not closed and tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")
        if tag in ("th", "td"):
            self.cell = None
        elif tag == "data":
            value, text = self.data
            shown = "".join(text).replace(",", "").removesuffix(" s")
            if abs(float(shown) - float(value)) > 0.051:
                self.faults.append(f"shows {shown} for {value}")
            self.data = None

    def handle_data(self, data):
        if self.data is not None:
            self.data[1].append(data)
        if self.cell is not None:
            self.cell["text"] += data
        if self.stack and self.stack[-1] == "h2" and self.section is not None:
            self.section["title"] += data
        if self.stack and self.stack[-1] != "style":
            self.text.append(data)


def rows(table):
    """Rows with figures: no heads, no groups."""
    return [r for r in table if not any(c["head"] or c["group"] for c in r)]


def check(holds, what):
    if not holds:
        sys.exit(f"report.py: {what}")


def check_bars(table, most, what):
    for r in rows(table):
        bar = next(c["bar"] for c in r if c["bar"] is not None)
        n = next(c["data"] for c in r if c["data"] is not None)
        want = 100 * n / most if most else 0
        check(abs(bar - (0.4 if 0 < want < 0.4 else want)) < 0.006, f"{what}: a bar of {bar} for {n} of {most}")


def check_delivery(section, d):
    have = [(r[0]["text"].strip("\u00a0"), r[1]["data"]) for r in rows(section["tables"][0])]
    want = []
    for status, n in d["statuses"].items():
        if n or status in ("sent", "failed", "unknown"):
            want.append((status, n))
            want += list(d["causes"].get(status, {}).items())
    check(have == want, f"{section['title']}: results")
    check_bars(section["tables"][0], d["results"], section["title"])
    tables = section["tables"][1:]
    if d["timeline"]:
        t = d["timeline"]
        want = [v for v in zip(t["sent"], t["failed"], t["unknown"]) if any(v)]
        have = [tuple(c["data"] for c in r[1:]) for r in rows(tables.pop(0))]
        check(have == want, f"{section['title']}: over time")
    if d["latency"]:
        want = [d["latency"][k] for k in ("p50", "p95", "p99", "max")]
        have = [r[1]["data"] for r in rows(tables.pop(0))]
        check(all(abs(a - b) <= 0.00051 for a, b in zip(have, want, strict=True)), f"{section['title']}: latency")
    check(not tables, f"{section['title']}: more tables than that")


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    report = json.load(open(sys.argv[2], encoding="utf-8"))
    page = Page()
    page.feed(text)
    page.close()
    check(not page.faults, "; ".join(page.faults[:5]))
    check(not page.stack, f"left open: {page.stack}")
    check(len(page.ids) == len(set(page.ids)), "an id is there twice")
    check(all(r in page.ids for r in page.refs), "a plot's title or desc is not there")
    check(text.startswith("<!DOCTYPE html>") and 'name="viewport"' in text and "@media print" in text, "head")
    style = text[text.index("<style>"):text.index("</style>")]
    check("url(" not in style and "@import" not in style, "the style wants something from elsewhere")

    by_id = {s["id"]: s for s in page.sections if s["id"]}
    stages, reasons = report["stages"], report["reasons"]
    if stages:
        table = by_id["funnel"]["tables"][0]
        check([(r[0]["text"], r[1]["data"]) for r in rows(table)] == [(s["stage"], s["records"]) for s in stages], "funnel")
        check_bars(table, max(s["records"] for s in stages), "funnel")
    if reasons:
        table = by_id["reasons"]["tables"][0]
        check([(r[0]["text"], r[1]["text"], r[2]["data"]) for r in rows(table)] ==
              [(w["reason"], w["tool"], w["records"]) for w in reasons], "reasons")
        check_bars(table, max(w["records"] for w in reasons), "reasons")
    sections = [s for s in page.sections if s["class"] == "delivery"]
    for section, d in zip(sections, report["deliveries"], strict=True):
        check_delivery(section, d["delivery"])
    have = [(r[0]["text"], r[1]["text"], r[2]["text"]) for r in rows(by_id["metrics"]["tables"][0])]
    want = [(m["metric"] + m["basis"], (m["value"] or "\u2013") + "target " + m["target"],
             {"ok": "\u2713 ok", "missed": "\u2717 missed"}.get(m["verdict"], m["verdict"])) for m in report["metrics"]]
    check(have == want, "metrics")
    if report["runs"]:
        for table, run in zip(by_id["steps"]["tables"], report["runs"], strict=True):
            have = [(r[0]["text"], *(c["data"] for c in r[3:7])) for r in rows(table)]
            want = [(s["tool"], s["in"], s["out"], s["rejected"], s["unselected"] + s["deferred"]) for s in run["steps"]]
            check(have == want, f"steps of {run['run']}")
    shown = "".join(page.text)
    check(all(v in shown for v in report["violations"]), "a violation is not shown")


main()
