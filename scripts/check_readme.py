#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README's example is the one that CTest builds and runs, and every file it links to is there."""
import pathlib
import re
import sys
import textwrap

root = pathlib.Path(__file__).resolve().parent.parent


def between(text, begin, end, where):
    try:
        return text.split(begin, 1)[1].split(end, 1)[0]
    except IndexError:
        sys.exit(f"{where}: no text between {begin!r} and {end!r}")


readme = (root / "README.md").read_text()
shown = between(readme, "<!-- example: begin -->\n```cpp\n", "```\n", "README.md")
built = between((root / "examples/hello_pool.cpp").read_text(),
                "// readme: begin\n", "    // readme: end", "examples/hello_pool.cpp")
faults = []
if shown != textwrap.dedent(built):
    faults.append("README.md: the example differs from examples/hello_pool.cpp")
for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        if not (page.parent / target).exists():
            faults.append(f"{page.relative_to(root)}: links to {target}, which is not there")
sys.exit("\n".join(faults) or 0)
