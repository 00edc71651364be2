# SPDX-License-Identifier: MIT
"""Reads what a program of this folder promises in its head comment."""

import pathlib
import re


class Expectation:
    """The fields of one head comment; a missing one is an error."""

    def __init__(self, source):
        self.path = pathlib.Path(source)
        text = self.path.read_text()
        self.sentence = " ".join(re.findall(r"^/// (?!\\file)(.*)$", text, re.M))
        self.fields = dict(re.findall(r"^// (\w+): +(.*)$", text, re.M))
        for field in ("class", "pools", "ends", "says"):
            if field not in self.fields:
                raise SystemExit(f"{source}: no `// {field}:` in the head comment")
        self.kind = self.fields["class"]
        self.pools = self.fields["pools"].split()
        self.ends = self.fields["ends"]
        lines = [self.fields["says"], *([self.fields["then"]] if "then" in self.fields else [])]
        self.says = "".join(line + "\n" for line in lines if line != "nothing")
