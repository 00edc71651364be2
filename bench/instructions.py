#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts instructions per operation with callgrind, and adds them to a result of the runner.

Each worker runs twice, with N and with 2 N operations, and the difference is divided by N: what
comes before and after the loop is the same in both and falls out. The loop itself, the touches and a
container's own work are in the figure, for everyone; the floor says how much that is.
"""
import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import result_file

# The runner warms up with one of its 50 batches more, except in churn, where the warm-up depends on the
# blocks.
BATCHED, ALL = 51 / 50, 1
# Valgrind has less address space than the kernel, and says so only when it refuses; who asks for the limit
# beforehand takes less.
WITH_LESS_ADDRESS_SPACE = ["sh", "-c", f'ulimit -v {16 << 20} && exec "$@"', "sh"]
EVENTS = 199_086 # of the recorded program, with the frees at its end
# Of each part: what a contender must be able to do, the block size (0: there is none), and for each
# pattern what the reader calls it, blocks, operations, and steps per operation.
PARTS = {
    "one_thread": ("raw_blocks", 64, {
        "pair": ("pair", 1_000, 50_000, BATCHED),
        "burst_reverse": ("burst of 1,000, freed in reverse", 1_000, 100_000, BATCHED),
        "burst_in_order": ("burst of 1,000, freed in order", 1_000, 100_000, BATCHED),
        "churn": ("churn, 1 k live", 1_000, 100_000, ALL),
    }),
    # An element of a container comes, is replaced by another, and that one goes.
    "containers": ("mixed_sizes", 0, {
        "list": ("list of 1,000", 1_000, 50_000, ALL),
        "map": ("map of 1,000", 1_000, 50_000, ALL),
        "unordered_map": ("unordered_map of 1,000", 1_000, 50_000, ALL),
        "mixed_sizes": ("mixed sizes, an event", 0, EVENTS, ALL),
    }),
}
# An ordered list is walked by every free: its count grows with the list and says nothing.
LEFT_OUT = {("Boost.Pool object_pool", "burst_in_order")}


def preloads(program, ability):
    """Library to preload per contender, as the runner knows it."""
    text = subprocess.run([program, "list", "--json"], check=True, capture_output=True, text=True)
    listed = json.loads(text.stdout)["contenders"]
    return {one["name"]: one["preload"] for one in listed if one[ability]}


def instructions(program, contender, preload, pattern, block_bytes, blocks, operations):
    """Instructions of one whole worker."""
    command = [*WITH_LESS_ADDRESS_SPACE, "valgrind", "--tool=callgrind",
               "--callgrind-out-file=/dev/null"]
    if preload:
        command.append("--trace-children=no")
    command += [program, "worker", "--contender", contender, "--pattern", pattern,
                "--bytes", str(block_bytes), "--blocks", str(blocks),
                "--operations", str(operations)]
    environment = {"PATH": "/usr/bin:/bin"}
    if preload:
        environment["LD_PRELOAD"] = preload
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    counted = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or counted is None:
        raise RuntimeError(run.stderr.strip().splitlines()[-1] if run.stderr else "no output")
    return int(counted.group(1))


def counts_of(program, contender, preload, part):
    """Instructions per step by the pattern's title, and how many patterns failed."""
    _, block_bytes, patterns = PARTS[part]
    counts, failures = {}, 0
    for pattern, (title, blocks, operations, steps) in patterns.items():
        if (contender, pattern) in LEFT_OUT:
            continue
        try:
            once, twice = (instructions(program, contender, preload, pattern, block_bytes, blocks,
                                        times * operations) for times in (1, 2))
            counts[title] = round((twice - once) / (operations * steps), 1)
        except RuntimeError as fault:
            failures += 1
            print(f"{contender}, {title}: {fault}", file=sys.stderr)
    return counts, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the millpond-bench of a release build")
    parser.add_argument("--part", choices=PARTS, default="one_thread")
    parser.add_argument("--into", type=Path, help="the runner's JSON, to which the counts are added")
    parser.add_argument("--contender", action="append", help="only these")
    arguments = parser.parse_args()
    ability, block_bytes, _ = PARTS[arguments.part]
    asked = {contender: preload for contender, preload in preloads(arguments.program, ability).items()
             if not arguments.contender or contender in arguments.contender}
    rows = []
    failures = 0
    # A count does not depend on what else runs, so every core counts.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(lambda one: counts_of(arguments.program, *one, arguments.part), asked.items())
        for contender, (counts, failed) in zip(asked, answers):
            failures += failed
            print(f"{contender:<34}" + "".join(f"{v:9.1f}" for v in counts.values()), flush=True)
            rows.append({"contender": contender, "bytes": block_bytes, "instructions": counts})
    if arguments.into:
        result_file.write(arguments.into, {**result_file.read(arguments.into), "instructions": rows})
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
