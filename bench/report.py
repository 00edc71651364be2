#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the runner's JSON into the page and into the tables of the README.

    report.py RESULT.json... --page build/bench/index.html  # draws tool/page/page.html
    report.py RESULT.json... --readme README.md             # rewrites what is between its markers
    report.py RESULT.json... --readme README.md --check     # fails when they disagree
"""
import argparse
import json
import sys
from pathlib import Path

import result_file
from figures import Result
from page_model import page_model
from readme_table import BEGIN, END, readme_tables

ROOT = Path(__file__).resolve().parent.parent
CHART_LIBRARY = Path("/usr/share/javascript/chart.js/chart.min.js")


def script_safe(model):
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(model, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write_page(results, path, template, library):
    page = template.read_text()
    # The placeholders are found before anything is filled in: data that quotes one stays data.
    before, rest = page.split("/*PAGE_MODEL*/", 1)
    between, after = rest.split("/*CHART_LIBRARY*/", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(before + script_safe(page_model(results)) + between + library.read_text() + after)


def with_table(text, table):
    """The README with what is between its markers replaced."""
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise ValueError(f"the markers {BEGIN} and {END} are not there")
    return text[:begin] + BEGIN + "\n" + table + text[end:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, nargs="+", help="one file, or one for each part")
    parser.add_argument("--page", type=Path, help="the page to write")
    parser.add_argument("--readme", type=Path, help="the file whose tables are rewritten")
    parser.add_argument("--check", action="store_true", help="compare the tables, change nothing")
    parser.add_argument("--print", action="store_true", help="print the tables")
    parser.add_argument("--template", type=Path, default=ROOT / "tool/page/page.html")
    parser.add_argument("--library", type=Path, default=CHART_LIBRARY, help="Chart.js")
    arguments = parser.parse_args()
    results = [Result(result_file.read(path)) for path in arguments.result]
    if arguments.page:
        write_page(results, arguments.page, arguments.template, arguments.library)
    if arguments.print:
        print(readme_tables(results), end="")
    if arguments.readme:
        for path, result in zip(arguments.result, results):
            if result.data["effort"] != "recorded":
                sys.exit(f"{path}: a {result.data['effort']} run is not for the README")
        if fault := result_file.mixing([result.data for result in results]):
            sys.exit(f"report.py: {fault}; scripts/bench records all of them in one go")
        text = arguments.readme.read_text()
        try:
            wanted = with_table(text, readme_tables(results))
        except ValueError as fault:
            sys.exit(f"{arguments.readme}: {fault}")
        if arguments.check and wanted != text:
            files = " ".join(map(str, arguments.result))
            sys.exit(f"{arguments.readme}: the benchmark tables are not those of {files}; "
                     f"run bench/report.py {files} --readme {arguments.readme}")
        if not arguments.check:
            arguments.readme.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
