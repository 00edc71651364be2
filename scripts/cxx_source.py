# SPDX-License-Identifier: MIT
"""What the checks need to know of a C++ file, without a compiler: its includes, its directives, and
its text with everything blanked that is no code. Line and column of what is left do not move."""
import pathlib
import re

# A raw string, a comment, a string, a character; in this order, because each may contain the rest.
# An apostrophe inside a number separates digits.
_NOT_CODE = re.compile(
    r'R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"'
    r"|//(?:\\\n|[^\n])*|/\*.*?\*/"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z])'(?:\\.|[^'\\\n])+'", re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)((?:\\\n|[^\n])*)", re.M)
_INCLUDE = re.compile(r'[ \t]*([<"])([^">]+)[">]')


def _blank(match):
    return re.sub(r"[^\n]", " ", match.group())


class Source:
    """One file. `code` has comments, literals and directives blanked; `directives` are
    (line, keyword, rest) and `includes` (line, header, is_quoted)."""

    def __init__(self, path, root):
        self.path = path
        self.name = path.relative_to(root).as_posix()
        self.text = path.read_text()
        self.lines = self.text.splitlines()
        # Includes are read before literals are blanked: "x.hpp" looks like one.
        bare = _NOT_CODE.sub(lambda m: m.group() if m.group().startswith('"') else _blank(m), self.text)
        self.directives = [(line_of(bare, m.start()), m.group(1), m.group(2))
                           for m in _DIRECTIVE.finditer(bare)]
        self.includes = [(line, found.group(2), found.group(1) == '"')
                         for line, keyword, rest in self.directives if keyword == "include"
                         for found in [_INCLUDE.match(rest)] if found]
        self.code = _DIRECTIVE.sub(_blank, _NOT_CODE.sub(_blank, self.text))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def sources(root, *folders, suffixes=(".hpp", ".cpp")):
    """All C++ files under the folders, in order of their names."""
    return [Source(path, root) for folder in folders
            for path in sorted(pathlib.Path(root, folder).rglob("*")) if path.suffix in suffixes]
