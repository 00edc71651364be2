#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the runner's JSON into the page and into the table of the README.

    report.py RESULT.json --page build/bench/index.html     # draws tool/page/page.html
    report.py RESULT.json --readme README.md                # rewrites the table between its markers
    report.py RESULT.json --readme README.md --check        # fails when they disagree
"""
import argparse
import json
import sys
from pathlib import Path

from figures import Result
from page_model import page_model
from readme_table import BEGIN, END, readme_table

ROOT = Path(__file__).resolve().parent.parent
CHART_LIBRARY = Path("/usr/share/javascript/chart.js/chart.min.js")


def script_safe(model):
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(model, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write_page(result, path, template, library):
    page = template.read_text()
    # The placeholders are found before anything is filled in: data that quotes one stays data.
    before, rest = page.split("/*PAGE_MODEL*/", 1)
    between, after = rest.split("/*CHART_LIBRARY*/", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(before + script_safe(page_model(result)) + between + library.read_text() + after)


def with_table(text, table):
    """The README with the table between its markers replaced."""
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise ValueError(f"the markers {BEGIN} and {END} are not there")
    return text[:begin] + BEGIN + "\n" + table + text[end:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path)
    parser.add_argument("--page", type=Path, help="the page to write")
    parser.add_argument("--readme", type=Path, help="the file whose table is rewritten")
    parser.add_argument("--check", action="store_true", help="compare the table, change nothing")
    parser.add_argument("--print", action="store_true", help="print the table")
    parser.add_argument("--template", type=Path, default=ROOT / "tool/page/page.html")
    parser.add_argument("--library", type=Path, default=CHART_LIBRARY, help="Chart.js")
    arguments = parser.parse_args()
    result = Result(json.loads(arguments.result.read_text()))
    if arguments.page:
        write_page(result, arguments.page, arguments.template, arguments.library)
    if arguments.print:
        print(readme_table(result), end="")
    if arguments.readme:
        if result.data["effort"] != "recorded":
            sys.exit(f"{arguments.result}: a {result.data['effort']} run is not for the README")
        text = arguments.readme.read_text()
        try:
            wanted = with_table(text, readme_table(result))
        except ValueError as fault:
            sys.exit(f"{arguments.readme}: {fault}")
        if arguments.check and wanted != text:
            sys.exit(f"{arguments.readme}: the benchmark table is not that of {arguments.result}; "
                     f"run bench/report.py {arguments.result} --readme {arguments.readme}")
        if not arguments.check:
            arguments.readme.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
