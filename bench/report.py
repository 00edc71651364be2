#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the runner's JSON into the page and into the tables of the documents.

    report.py RESULT.json... --page build/bench/index.html  # draws tool/page/page.html
    report.py RESULT.json... --tables README.md docs/benchmarks.md          # rewrites what is between their markers
    report.py RESULT.json... --tables README.md docs/benchmarks.md --check  # fails when they disagree
"""
import argparse
import json
import sys
from pathlib import Path

import result_file
from figures import Result
from page_model import page_model
from tables import all_tables, with_tables

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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, nargs="+", help="one file, or one for each part")
    parser.add_argument("--page", type=Path, help="the page to write")
    parser.add_argument("--tables", type=Path, nargs="+", default=[], metavar="FILE",
                        help="the files whose tables are rewritten")
    parser.add_argument("--check", action="store_true", help="compare the tables, change nothing")
    parser.add_argument("--print", action="store_true", help="print the tables")
    parser.add_argument("--template", type=Path, default=ROOT / "tool/page/page.html")
    parser.add_argument("--library", type=Path, default=CHART_LIBRARY, help="Chart.js")
    arguments = parser.parse_args()
    results = [Result(result_file.read(path)) for path in arguments.result]
    if arguments.page:
        write_page(results, arguments.page, arguments.template, arguments.library)
    if arguments.print:
        print("\n".join(all_tables(results)))
    if arguments.tables:
        for path, result in zip(arguments.result, results):
            if result.data["effort"] != "recorded":
                sys.exit(f"{path}: a {result.data['effort']} run is not for the documents")
        if fault := result_file.mixing([result.data for result in results]):
            sys.exit(f"report.py: {fault}; scripts/bench records all of them in one go")
    for path in arguments.tables:
        text = path.read_text()
        try:
            wanted = with_tables(text, results)
        except ValueError as fault:
            sys.exit(f"{path}: {fault}")
        if arguments.check and wanted != text:
            files = " ".join(map(str, arguments.result))
            sys.exit(f"{path}: the benchmark tables are not those of {files}; "
                     f"run bench/report.py {files} --tables {path}")
        if not arguments.check:
            path.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
