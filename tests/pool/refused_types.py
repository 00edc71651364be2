# SPDX-License-Identifier: MIT
"""refused_types.py COMPILER: a pool of a type that it cannot hold does not compile, and says why.

Names every kind of pool with every type that is refused, all in one file, and counts the messages.
"""

import pathlib
import subprocess
import sys

INCLUDE = pathlib.Path(__file__).resolve().parent.parent.parent / "include"

POOLS = ["object_pool<{}>", "static_object_pool<{}, 2>", "concurrent_object_pool<{}>",
         "recycling_pool<{}>", "handle_pool<{}>"]

# Each pool gets a type of its own, because a compiler says the same thing of the same type once.
REFUSED = {
    "const item<{}>": "their type is not const: leave out the const",
    "volatile item<{}>": "type is not volatile: leave out the volatile",
    "item<{}>&": "holds objects, not references: leave out the &",
    "item<{}>&&": "holds objects, not references: leave out the &",
    "item<{}>[3]": "holds single objects, not arrays: pool a struct that contains the array",
    "const item<{}>[3]": "holds single objects, not arrays: pool a struct that contains the array",
}

# One pool is enough: where a type has no size, a pool that asks for it says so first.
WITHOUT_SIZE = {
    "void": "void is not a type of objects: for raw memory take a block pool",
    "void()": "holds objects, not functions: pool pointers to them",
}


def failed_assertions(compiler, lines):
    source = "#include \"millpond/millpond.hpp\"\ntemplate <int> struct item {};\n" + "\n".join(lines)
    done = subprocess.run([compiler, "-std=c++20", "-w", "-fsyntax-only", f"-I{INCLUDE}", "-x", "c++", "-",
                           "-ferror-limit=0" if "clang" in compiler else "-fmax-errors=0"],
                          input=source, capture_output=True, text=True)
    return [line for line in done.stderr.splitlines()
            if "static assertion failed" in line or "static_assert failed" in line]


def main():
    wanted = {}
    lines = []
    for number, (refused, message) in enumerate(REFUSED.items()):
        wanted[message] = wanted.get(message, 0) + len(POOLS)
        lines += [f"template class millpond::{pool.format(refused.format(number * len(POOLS) + i))};"
                  for i, pool in enumerate(POOLS)]
    for refused, message in WITHOUT_SIZE.items():
        wanted[message] = 1
        lines.append(f"template class millpond::object_pool<{refused}>;")
    said = failed_assertions(sys.argv[1], lines)
    faults = [f"{found} times instead of {times}: {message}" for message, times in wanted.items()
              if (found := sum(message in line for line in said)) != times]
    faults += [f"of another assertion: {line}" for line in said
               if not any(message in line for message in wanted)]
    print("\n".join(faults) or f"{len(said)} pools refused, each with its reason")
    return 1 if faults else 0


sys.exit(main())
