#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts instructions per operation with callgrind, and adds them to a result of the runner.

Each worker runs twice, with N and with 2 N operations, and the difference is divided by N: what
comes before and after the loop is the same in both and falls out. The loop itself and the touches
are in the figure, for everyone; the floor says how much that is.
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

# Pattern, what the reader calls it, blocks, operations. Each step is one allocation with its free.
PATTERNS = [
    ("pair", "pair", 1_000, 50_000),
    ("burst_reverse", "burst of 1,000, freed in reverse", 1_000, 100_000),
    ("burst_in_order", "burst of 1,000, freed in order", 1_000, 100_000),
    ("churn", "churn, 1 k live", 1_000, 100_000),
]
BLOCK_BYTES = 64
# An ordered list is walked by every free: its count grows with the list and says nothing.
LEFT_OUT = {("Boost.Pool object_pool", "burst_in_order")}


def preloads(program):
    """Library to preload per contender, as the runner knows it."""
    text = subprocess.run([program, "list", "--json"], check=True, capture_output=True, text=True)
    listed = json.loads(text.stdout)["contenders"]
    return {one["name"]: one["preload"] for one in listed if one["raw_blocks"]}


def instructions(program, contender, preload, pattern, blocks, operations):
    """Instructions of one whole worker."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    if preload:
        command.append("--trace-children=no")
    command += [program, "worker", "--contender", contender, "--pattern", pattern,
                "--bytes", str(BLOCK_BYTES), "--blocks", str(blocks),
                "--operations", str(operations)]
    environment = {"PATH": "/usr/bin:/bin"}
    if preload:
        environment["LD_PRELOAD"] = preload
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    counted = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or counted is None:
        raise RuntimeError(run.stderr.strip().splitlines()[-1] if run.stderr else "no output")
    return int(counted.group(1))


def per_operation(program, contender, preload, pattern, blocks, operations):
    once = instructions(program, contender, preload, pattern, blocks, operations)
    twice = instructions(program, contender, preload, pattern, blocks, 2 * operations)
    # The runner warms up with one of its 50 batches more, except in churn, where the warm-up
    # depends on the blocks.
    steps = operations * 51 / 50 if pattern != "churn" else operations
    return (twice - once) / steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the millpond-bench of a release build")
    parser.add_argument("--into", type=Path, help="the runner's JSON, to which the counts are added")
    parser.add_argument("--contender", action="append", help="only these")
    arguments = parser.parse_args()
    counts = []
    failures = 0
    for contender, preload in preloads(arguments.program).items():
        if arguments.contender and contender not in arguments.contender:
            continue
        row = {"contender": contender, "bytes": BLOCK_BYTES, "instructions": {}}
        for pattern, title, blocks, operations in PATTERNS:
            if (contender, pattern) in LEFT_OUT:
                continue
            try:
                count = per_operation(arguments.program, contender, preload, pattern, blocks,
                                      operations)
                row["instructions"][title] = round(count, 1)
            except RuntimeError as fault:
                failures += 1
                print(f"{contender}, {title}: {fault}", file=sys.stderr)
        print(f"{contender:<34}" + "".join(f"{v:9.1f}" for v in row["instructions"].values()),
              flush=True)
        counts.append(row)
    if arguments.into:
        result = json.loads(arguments.into.read_text())
        result["instructions"] = counts
        arguments.into.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
