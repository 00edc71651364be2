# SPDX-License-Identifier: MIT
"""run.py SOURCE PROGRAM [POOL]: runs one misuse program, on one kind of pool or on all that its head
comment names, and holds it to that comment. A PROGRAM that is not called as its source holds many and
takes the source's name first.

Asserts the signal or exit code, standard error to the letter (addresses are those that the program
printed as NAME=0x... on standard output), and that no object was destroyed twice.
"""

import collections
import pathlib
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is

from expectation import Expectation

SKIPPED = 77


def is_sanitized(program):
    with open(program, "rb") as file:
        return b"__asan_init" in file.read()


def end_of(code):
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def faults_of(expected, command, pool):
    done = subprocess.run([*command, pool], capture_output=True, text=True, timeout=60)
    if done.returncode == SKIPPED:
        print(done.stdout, end="")
        sys.exit(SKIPPED)
    notes = re.findall(r"^(\w+)=(\S+)$", done.stdout, re.M)
    addresses = dict(notes)
    says = re.sub(r"\{(\w+)\}", lambda name: addresses.get(name[1], name[0]), expected.says)
    faults = []
    if end_of(done.returncode) != expected.ends:
        faults.append(f"ended with {end_of(done.returncode)}, expected {expected.ends}")
    if done.stderr != says:
        faults.append(f"said     {done.stderr!r}\nexpected {says!r}")
    destroyed = collections.Counter(value for name, value in notes if name == "destroyed")
    if "twice" not in expected.fields and any(times > 1 for times in destroyed.values()):
        faults.append(f"an object was destroyed twice: {destroyed.most_common(1)}")
    if "destroys" in expected.fields and sum(destroyed.values()) != int(expected.fields["destroys"]):
        faults.append(f"{sum(destroyed.values())} objects were destroyed")
    print(f"{pool}: " + ("\n".join(faults) or f"{expected.ends}: {says.strip() or 'nothing said'}"))
    return faults


def main():
    source, program = sys.argv[1:3]
    expected = Expectation(source)
    if expected.fields.get("sanitizer") == "stops it" and is_sanitized(program):
        print("skipped: AddressSanitizer stops this program before the pool can")
        return SKIPPED
    pools = sys.argv[3:] or expected.pools
    name = expected.path.stem
    command = [program] if pathlib.Path(program).name == name else [program, name]
    failed = [pool for pool in pools if faults_of(expected, command, pool)]
    return 1 if failed or not pools else 0


sys.exit(main())
