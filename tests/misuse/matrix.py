# SPDX-License-Identifier: MIT
"""matrix.py --check | --write: docs/checks.md's table, made of the programs' head comments.

--check fails when the page and the programs disagree, so that the page cannot rot.
"""

import pathlib
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is

from expectation import Expectation

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "checks.md"
BEGIN = "<!-- made by tests/misuse/matrix.py: edit the programs, not this table -->\n"
END = "<!-- end of the table -->\n"

# The order in which a reader looks for a mistake; a program of another class is an error.
CLASSES = [
    "double free at once",
    "double free after another free",
    "double free by another thread",
    "two frees at the same instant",
    "double free in one bulk",
    "double free after the block was handed out again",
    "use of an object that is gone",
    "handle of another pool, or of none",
    "handle_of what is no object",
    "free of null",
    "free of a stack address",
    "free of a static address",
    "free of a heap address",
    "free of another pool's block",
    "free of an interior address",
    "free of a misaligned address",
    "free of a block never handed out",
    "free of what a rewind gave back",
    "wrong size or alignment at a free",
    "free into a destroyed pool",
    "free into a moved-from pool",
    "allocation from a destroyed pool",
    "overflow by 1 or 8 bytes or a whole block",
    "write into a freed block",
    "pool destroyed with live blocks",
    "lease left when its pool dies",
    "shared owner left when its pool dies",
    "owner without a pool",
    "rewind to a mark of another arena",
    "rewind to a mark that was rewound past",
    "rewind inside a rewind",
    "rewind inside a constructor",
    "scope left when its arena dies",
    "two threads on a single-threaded pool",
    "allocation in a signal handler",
    "thread exits with cached blocks",
    "fork with busy threads, then allocate in the child",
    "more taken than was reserved",
    "bounded pool exhausted",
    "too many threads asked for",
    "too many generations asked for",
    "block size 0, capacity 0, alignment not a power of two, count x size overflow",
    "options that a resource does not have",
    "allocator without a resource",
    "constructor throws",
    "damaged snapshot",
    "OS refuses memory",
]

# Lists of pools that have a name.
ONE_THREAD = frozenset({"block_pool", "object_pool", "static_block_pool", "static_object_pool"})
CONCURRENT = frozenset({"concurrent_block_pool", "concurrent_object_pool"})
RESOURCES = frozenset({"pool_resource", "concurrent_pool_resource"})
OVER_UPSTREAM = frozenset(f"{name}_over_upstream" for name in RESOURCES)
GROUPS = {ONE_THREAD | CONCURRENT: "all", ONE_THREAD: "all for one thread",
          CONCURRENT: "all for several threads",
          RESOURCES | OVER_UPSTREAM: "resources, on pages and over an upstream"}


def row(program):
    message = "<br>".join(f"`{line}`" for line in program.says.splitlines())
    end = "the program stops" if program.ends.startswith("SIG") else "the program goes on"
    link = f"[{program.path.stem}](../tests/misuse/{program.path.name})"
    pools = GROUPS.get(frozenset(program.pools), ", ".join(f"`{pool}`" for pool in program.pools))
    return f"| {program.kind} | {program.sentence} | {end} | {message} | {pools} | {link} |\n"


def table():
    programs = [Expectation(path) for path in sorted(HERE.glob("*.cpp"))]
    unknown = {program.kind for program in programs} - set(CLASSES)
    missing = set(CLASSES) - {program.kind for program in programs}
    if unknown or missing:
        raise SystemExit(f"classes without a place: {unknown}; without a program: {missing}")
    programs.sort(key=lambda program: (CLASSES.index(program.kind), program.path.stem))
    head = "| mistake | what holds | then | line on standard error | pools | program |\n"
    return head + "|---|---|---|---|---|---|\n" + "".join(row(program) for program in programs)


def main():
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    new = table()
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(before + BEGIN + "\n" + new + "\n" + END + after)
    elif sys.argv[1:] == ["--check"]:
        if old.strip() != new.strip():
            raise SystemExit("docs/checks.md differs from the programs: run matrix.py --write")
        print(f"{new.count(chr(10)) - 2} programs, as documented")
    else:
        raise SystemExit(__doc__)


main()
