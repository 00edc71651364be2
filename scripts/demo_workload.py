#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: scripts/demo_workload.py MODULES OUTPUT

A program that is busy with objects, on input that every Python brings along: parses the first
MODULES files of the standard library, in order of their names, and writes their syntax trees to
OUTPUT as JSON."""
import ast
import json
import pathlib
import sys


def plain(node):
    """A syntax tree as dictionaries, lists and words."""
    if isinstance(node, ast.AST):
        return {"type": type(node).__name__, "line": getattr(node, "lineno", None),
                **{name: plain(value) for name, value in ast.iter_fields(node)}}
    if isinstance(node, list):
        return [plain(item) for item in node]
    return node if isinstance(node, (str, int, float, bool, type(None))) and abs_small(node) else str(node)


def abs_small(value):
    """True for what JSON can carry: Python's integers know no limit, JSON's readers do."""
    return not isinstance(value, (int, float)) or abs(value) < 2 ** 53


files = sorted(pathlib.Path(ast.__file__).parent.glob("*.py"))[:int(sys.argv[1])]
trees = {file.name: plain(ast.parse(file.read_bytes())) for file in files}
with open(sys.argv[2], "w") as output:
    json.dump(trees, output)
