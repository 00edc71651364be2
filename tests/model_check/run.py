# SPDX-License-Identifier: MIT
"""usage: run.py MODEL LINE | run.py MODEL

Verifies one Spin model. LINE is a line of the model's head comment, of the form
    holds [SWITCH...]               the verification visits every state and finds no fault
    fails SWITCH...: ASSERTION      it must stop at this assertion and leave a trail that leads there
With the model alone it runs every such line. A model that does not end, that needs more memory than it may
have or that Spin only half understands is a fault, never a pass.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
LINE = re.compile(r"(holds|fails)((?: [A-Z_0-9]+)*)(?:: (\w+))?")
MEMORY_MIB = 1500
DEPTH = 2_000_000
SECONDS = 240


class Fault(Exception):
    pass


def lines_of(model):
    head = model.read_text().split("*/")[0]
    return re.findall(r"^ \*   ((?:holds|fails)\b.*)$", head, re.M)


def run(command, folder, what):
    """What it printed. A warning of Spin or of the verifier is a fault too."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    said = done.stdout + done.stderr
    if done.returncode != 0 or re.search(r"\b(syntax error|Error:|warning: (?!never claim))", said):
        raise Fault(f"{what} failed:\n{said}")
    return said


def verified(model, switches, how, folder):
    """What the verifier said. The folder is new, so no verifier of an earlier run can be there."""
    shutil.copy(model, folder / "model.pml")
    run(["spin", "-a", *[f"-D{switch}" for switch in switches], "model.pml"], folder, "spin")
    run(["gcc", "-w", "-O1", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MIB}", *how, "-o", "pan", "pan.c"],
        folder, "gcc")
    done = subprocess.run(["./pan", *([] if how else [f"-m{DEPTH}"])], cwd=folder,
                          capture_output=True, text=True, timeout=SECONDS)
    return done.stdout + done.stderr


def fault_met(said, folder, switches):
    """The assertion that the trail leads to, or None when there is none."""
    found = re.search(r"^pan:1: (.+?) \(at depth \d+\)$", said, re.M)
    if not found:
        return None
    if not (folder / "model.pml.trail").is_file():
        raise Fault(f"there is no trail:\n{said}")
    replayed = subprocess.run(["spin", "-t", *[f"-D{switch}" for switch in switches], "model.pml"],
                              cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    name = re.sub(r"^assertion violated\s*", "", found[1]).strip(" ()")
    if f"text of failed assertion: assert({name})" not in replayed.stdout:
        raise Fault(f"the trail does not lead to {name!r}:\n{replayed.stdout[-2000:]}{replayed.stderr}")
    return name


def check(model, line):
    """One sentence on what was found; a Fault when that is not what the line says."""
    form = LINE.fullmatch(line)
    if not form or line not in lines_of(model) or (form[1] == "fails") != bool(form[3]):
        raise Fault(f"{model.name} has no such line: {line!r}; there are {lines_of(model)}")
    switches = form[2].split()
    unknown = [switch for switch in switches if not re.search(rf"\b{switch}\b", model.read_text().split("*/", 1)[1])]
    if unknown:
        raise Fault(f"{model.name} does not know {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # Where a fault is expected, breadth first: the shortest way to it is the one to read.
        said = verified(model, switches, ["-DBFS"] if form[1] == "fails" else [], folder)
        met = fault_met(said, folder, switches)
        states = re.search(r"^\s*([\d.e+]+) states, stored", said, re.M)
        if form[1] == "fails":
            if met != form[3]:
                raise Fault(f"met {met}, expected {form[3]}:\n{said}")
            return f"met {met} after {states[1]} states, and its trail leads there"
        complete = "errors: 0" in said and "Search not completed" not in said and "too small" not in said
        if met or not complete or not states or int(float(states[1])) < 2:
            raise Fault(f"the verification found a fault or did not end:\n{said}")
        return f"{states[1]} states, no fault"


def main():
    model = pathlib.Path(sys.argv[1]).resolve()
    missing = [name for name in ("spin", "gcc", "cpp") if not shutil.which(name)]
    if missing:
        print(f"there is no {missing[0]}")
        return SKIPPED
    lines = [" ".join(sys.argv[2:])] if len(sys.argv) > 2 else lines_of(model)
    code = 0 if lines else 1
    for line in lines:
        try:
            print(f"{line}: {check(model, line)}", flush=True)
        except (Fault, subprocess.TimeoutExpired) as fault:
            print(f"FAULT in {model.name}, {line}: {fault}", flush=True)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
