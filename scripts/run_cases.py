#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: scripts/run_cases.py BUILD_FOLDER REPORT [CTEST_OPTION...]
          scripts/run_cases.py --count REPORT

Runs the cases of a build that the options choose, but for those of which nothing has changed since they passed
here, and writes ctest's JUnit report. The last line says `PASSED FAILED SKIPPED UNCHANGED`; those that are unchanged
are among those that passed. --count says what a report alone has: a case that did not run for any reason but its own
wish counts as failed, and so does a report without cases.

A case depends on its command, on the files that the command names, and on its property REQUIRED_FILES. A case
without that property depends on the source tree and on every program of the build's cases, too. What passed is
noted in the build folder (passed.json), so in an empty one every case runs.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as tree

ROOT = pathlib.Path(__file__).resolve().parents[1]
NOT_SOURCE = {"build", ".git", "__pycache__"}


def statuses(report):
    """What became of each case that a report has: `passed`, `failed` or `skipped`, by its name."""
    found = {}
    for case in tree.parse(report).getroot().iter("testcase"):
        status, note = case.get("status"), case.find("skipped")
        if status == "notrun" and note is not None and note.get("message", "").startswith("SKIP_"):
            found[case.get("name")] = "skipped"
        else:
            found[case.get("name")] = "passed" if status == "run" else "failed"
    return found


def counts(found):
    ends = list(found.values())
    return [ends.count("passed"), ends.count("failed") or int(not ends), ends.count("skipped")]


class Contents:
    """Digests of files, each read once."""

    def __init__(self):
        self.known = {}

    def of(self, name):
        if name not in self.known:
            is_file = os.path.isfile(name)  # also for words that are too long for a path
            self.known[name] = hashlib.sha256(pathlib.Path(name).read_bytes()).hexdigest() if is_file else None
        return self.known[name]

    def of_all(self, names):
        return hashlib.sha256(json.dumps([[name, self.of(name)] for name in names]).encode()).hexdigest()


def source_files():
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(set(folders) - NOT_SOURCE)
        yield from (os.path.join(folder, name) for name in sorted(files))


def listed(folder, options=()):
    """The cases that the options choose, in ctest's order."""
    done = subprocess.run(["ctest", "--test-dir", folder, *options, "--show-only=json-v1"], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)["tests"]


def fingerprints(cases):
    """What each of all cases of a build depends on, as a digest by name."""
    contents = Contents()
    # A case without a command is one whose program was not built: ctest says so when it runs.
    named = {case["name"]: [word for word in case.get("command", []) if contents.of(word)] for case in cases}
    everything = contents.of_all([*source_files(), *sorted({file for files in named.values() for file in files})])
    result = {}
    for case in cases:
        required = next((each["value"] for each in case["properties"] if each["name"] == "REQUIRED_FILES"), None)
        rest = everything if required is None else contents.of_all(required)
        own = json.dumps([case.get("command"), contents.of_all(named[case["name"]]), rest])
        result[case["name"]] = hashlib.sha256(own.encode()).hexdigest()
    return result


def run(folder, report, options):
    report.unlink(missing_ok=True)
    note = pathlib.Path(folder, "passed.json")
    before = json.loads(note.read_text()) if note.is_file() else {}
    cases = listed(folder)
    names = [case["name"] for case in cases]
    if len(set(names)) != len(names):
        sys.exit("two cases have one name, so what is noted of them would be mixed up")
    now = fingerprints(cases)
    chosen = {case["name"] for case in listed(folder, options)}
    found = {name: "passed" for name in chosen if before.get(name) == now[name]}
    unchanged = len(found)
    changed = [str(number) for number, case in enumerate(cases, 1) if case["name"] in chosen - found.keys()]
    code = 0
    if changed:
        # By their numbers alone: together with other options, ctest counts among the chosen.
        code = subprocess.run(["ctest", "--test-dir", folder, "-I", f"0,0,0,{','.join(changed)}",
                               "--output-on-failure", "--output-junit", report], check=False).returncode
        found |= dict.fromkeys(chosen - found.keys(), "failed") | statuses(report)
    passed = {name: now[name] for name, end in found.items() if end == "passed"}
    rest = {name: digest for name, digest in before.items() if name in now and name not in chosen}
    note.write_text(json.dumps(rest | passed, indent=0))
    print(*counts(found), unchanged)
    return code


if __name__ == "__main__":
    if sys.argv[1:2] == ["--count"] and len(sys.argv) == 3:
        print(*counts(statuses(sys.argv[2])))
    elif len(sys.argv) > 2:
        sys.exit(run(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]))
    else:
        sys.exit(__doc__)
