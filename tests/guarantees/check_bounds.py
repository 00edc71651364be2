# SPDX-License-Identifier: MIT
"""check_bounds.py --check PROGRAM | --write PROGRAM...

--check runs `millpond_instructions` and fails when a call needed more instructions or system calls
than docs/guarantees.md says, when the page says more than twice what was measured (the compilers differ
by up to half), or when page and program disagree about which operations there are.
--write makes the page's table from the programs of several compilers: the largest count of each.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "guarantees.md"
BEGIN = "<!-- made by tests/guarantees/check_bounds.py --write: measured, not typed -->\n"
END = "<!-- end of the bounds -->\n"
SKIPPED = 77

# glibc has a memset and a memcpy for every processor, of different lengths. What is counted is its plain one, which
# is the longest, so that every machine counts the same.
PLAIN = ("glibc.cpu.hwcaps=" + ",".join("-" + feature for feature in (
    "AVX512F", "AVX512VL", "AVX512BW", "AVX2", "AVX", "AVX_Fast_Unaligned_Load", "ERMS", "FSRM", "SSSE3", "SSE4_1",
    "SSE4_2", "BMI2", "RTM", "Prefer_ERMS", "Prefer_FSRM", "Fast_Copy_Backward", "Fast_Unaligned_Copy")))


def measure(program):
    """What the program measured, by operation; exits with 77 where it cannot measure."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "bounds.json"
        done = subprocess.run([program, "--json", str(path)], capture_output=True, text=True,
                              env=os.environ | {"GLIBC_TUNABLES": PLAIN})
        print(done.stdout, end="")
        if done.returncode == SKIPPED:
            sys.exit(SKIPPED)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return {bound["operation"]: bound for bound in json.loads(path.read_text())["bounds"]}


def documented():
    """Instructions and system calls by operation, as the page has them."""
    table = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    rows = re.findall(r"^\| `?([^|`]+?)`? \| (\d+) \| [^|]+ \| (\d+) \|", table, re.M)
    return {name: (int(instructions), int(calls)) for name, instructions, calls in rows}


def check(program):
    allowed = documented()
    seen = measure(program)
    faults = [f"{name}: only in {'the page' if name in allowed else 'the program'}"
              for name in allowed.keys() ^ seen.keys()]
    for name in allowed.keys() & seen.keys():
        instructions, calls = allowed[name]
        if seen[name]["instructions"] > instructions or seen[name]["system_calls"] > calls:
            faults.append(f"{name}: {seen[name]['instructions']} instructions and "
                          f"{seen[name]['system_calls']} system calls in '{seen[name]['scenario']}'; "
                          f"documented are {instructions} and {calls}")
        elif seen[name]["instructions"] * 2 < instructions:
            faults.append(f"{name}: {seen[name]['instructions']} instructions, far below the documented "
                          f"{instructions}: measure again with --write")
    if not allowed or faults:
        sys.exit("\n".join(faults) or "the page documents nothing")
    print(f"{len(allowed)} operations within their bounds")


def write(programs):
    largest = {}
    for program in programs:
        for name, bound in measure(program).items():
            if name not in largest or bound["instructions"] > largest[name]["instructions"]:
                largest[name] = bound
    rows = "".join(
        f"| {f'`{name}`' if '::' in name else name} | {bound['instructions']} | "
        f"{bound['scenario']} | {bound['system_calls']} |\n" for name, bound in largest.items())
    head = "| operation | instructions at most | where | system calls |\n|---|---|---|---|\n"
    before, rest = PAGE.read_text().split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + "\n" + head + rows + "\n" + END + after)


if len(sys.argv) == 3 and sys.argv[1] == "--check":
    check(sys.argv[2])
elif len(sys.argv) >= 3 and sys.argv[1] == "--write":
    write(sys.argv[2:])
else:
    sys.exit(__doc__)
