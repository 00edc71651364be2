#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Result files: JSON with one row a line, and what belongs together in bench/results/.

    result_file.py FILE...                 # lays the files out again
    result_file.py --check FILE...         # fails when one is laid out differently
    result_file.py --into FOLDER FILE...   # adds the files as one recording, if they are of one machine
"""
import argparse
import json
import sys
import time
from pathlib import Path

# What the parts of a recording have in common; figures are compared across them.
SHARED = ("machine", "build", "commit", "effort", "repetitions")


def is_table(value):
    """Whether it consists of rows: objects, and nothing else."""
    rows = value.values() if isinstance(value, dict) else value
    return isinstance(value, (dict, list)) and bool(value) and all(isinstance(row, dict) for row in rows)


def compact(value):
    return json.dumps(value, ensure_ascii=False)


def lines_of(value):
    """One line, or three parts of a table: how it begins, its rows, how it ends."""
    if not is_table(value):
        return compact(value)
    if isinstance(value, dict):
        rows, ends = [f"{compact(name)}: {compact(row)}" for name, row in value.items()], "{}"
    else:
        rows, ends = [compact(row) for row in value], "[]"
    return ends[0] + "\n  " + ",\n  ".join(rows) + "\n " + ends[1]


def text_of(data):
    """A member of `data` a line, and each row of those that are tables."""
    return "{\n " + ",\n ".join(f"{compact(name)}: {lines_of(value)}" for name, value in data.items()) + "\n}\n"


def read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write(path, data):
    Path(path).write_text(text_of(data), encoding="utf-8")


def differences(results):
    """What results of one recording may not differ in, and do."""
    return [name for name in (*SHARED, "recording")
            if any(one.get(name) != results[0].get(name) for one in results)]


def mixing(results):
    """Why these results cannot stand side by side; empty if they can. Those that name no recording are older
    than this question."""
    if any("recording" in one for one in results) and (found := differences(results)):
        return f"the results are of several recordings: they differ in {', '.join(found)}"
    return ""


def stamped(data, recording):
    """The result with the recording's name behind the command that made it."""
    members = {name: value for name, value in data.items() if name != "recording"}
    names = list(members)
    at = names.index("command") + 1 if "command" in members else 0
    return {**{name: members[name] for name in names[:at]}, "recording": recording,
            **{name: members[name] for name in names[at:]}}


def record(paths, folder):
    """Writes the results into the folder, under one name, or nothing at all."""
    recording = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    results = [stamped(read(path), recording) for path in paths]
    if fault := mixing(results):
        sys.exit(f"result_file.py: {fault}")
    for path, data in zip(paths, results):
        write(folder / path.name, data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument("--into", type=Path, help="the folder of the recording")
    arguments = parser.parse_args()
    if arguments.into:
        record(arguments.file, arguments.into)
        return 0
    faults = 0
    for path in arguments.file:
        if not arguments.check:
            write(path, read(path))
        elif path.read_text(encoding="utf-8") != text_of(read(path)):
            faults += 1
            print(f"{path}: not one row a line; run bench/result_file.py {path}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
