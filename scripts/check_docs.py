#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: scripts/check_docs.py [ROOT]

Fails when something public is not documented as the house style asks. Public is what the headers
under include/millpond declare outside namespace detail, and the members that a public class inherits
from a class of detail.

* A class: one sentence and the lines Units, Complexity, Errors, Threads, Source.
* A free function: one sentence and the same lines without Source.
* A struct, an enum, a concept: one sentence. Every field of a struct of options or statistics and
  every enumerator says what it means.
* A class inside a class: one sentence, which also speaks for its members.
* A member function: one sentence. Without one do: constructors, destructors, assignments, overrides
  and what is defaulted or deleted, because the class speaks for them; a call without parameters that
  returns one expression, because its name does; an overload right after a documented one.
* Every C++ file: the licence line first, a `\\file` paragraph in headers, at most 450 lines.

Prints one line per fault: FILE:LINE: what is wrong."""
import pathlib
import re
import sys

from cxx_source import line_of, sources

CLASS_LINES = ["Units", "Complexity", "Errors", "Threads", "Source"]
FREE_LINES = CLASS_LINES[:-1]
LINES_MAX = 450
OPENS_NAMESPACE, CLOSES_NAMESPACE = "MILLPOND_NAMESPACE_BEGIN", "MILLPOND_NAMESPACE_END"


class Scope:
    def __init__(self, kind, name="", public=True, inherits=False):
        self.kind = kind          # namespace, detail, class, enum, body
        self.name = name
        self.public = public      # of the declaration that is being read
        self.inherits = inherits  # a class of detail whose members a public class hands on
        self.documented = set()   # names of member functions that have their sentence


def bare(declaration):
    """A declaration without attributes, macros and template heads."""
    text = re.sub(r"\[\[.*?\]\]|\bMILLPOND_[A-Z_]+\b|\balignas\s*\([^()]*\)", " ", declaration, flags=re.S)
    while (found := re.match(r"\s*template\s*<", text)) is not None:
        depth, at = 1, found.end()
        while depth and at < len(text):
            depth += {"<": 1, ">": -1}.get(text[at], 0)
            at += 1
        text = re.sub(r"^\s*requires\s*(\((?:[^()]|\([^()]*\))*\)|\w+<[^>]*>)", " ", text[at:])
    return " ".join(text.split())


def docstring(file, line):
    """The /// lines right above a line, joined; empty if there are none."""
    block = []
    while line > 1 and file.lines[line - 2].strip().startswith("///"):
        line -= 1
        block.insert(0, file.lines[line - 1].strip()[3:].strip())
    return "\n".join(block)


def missing_lines(doc, wanted):
    """What a docstring lacks: its sentence, or a label with words behind it."""
    sentence = doc.split("\n\n")[0]
    if not re.match(r"\S.*\S", sentence) or re.match(r"\w+:\s", sentence):
        yield "a sentence"
    for label in wanted:
        if not re.search(rf"^{label}:[ \t]+\S", doc, re.M):
            yield label


class Reader:
    """Walks the declarations of one header and collects what is wrong with them."""

    def __init__(self, file, handed_on):
        self.file = file
        self.handed_on = handed_on
        self.found = []
        self.scopes = [Scope("file")]

    def fault(self, line, what):
        self.found.append((line, what))

    def read(self):
        code = re.sub(OPENS_NAMESPACE, lambda m: "namespace x {".ljust(len(m.group())), self.file.code)
        code = re.sub(CLOSES_NAMESPACE, lambda m: "}".ljust(len(m.group())), code)
        start = depth = 0
        for mark in re.finditer(r"[{};()]|\b(?:public|private|protected)\s*:(?!:)|,", code):
            at, token = mark.start(), mark.group()
            depth += {"(": 1, ")": -1}.get(token, 0)
            if token in "()" or depth:
                continue
            scope = self.scopes[-1]
            if token == ",":
                if scope.kind == "enum":
                    self.enumerator(code, start, at)
                    start = at + 1
                continue
            declaration = code[start:at]
            if token == "{":
                if self.is_initialiser(declaration, scope):
                    self.scopes.append(Scope("initialiser"))
                    continue
                self.opened(declaration, code, start, at)
            elif token == "}":
                if scope.kind == "enum" and declaration.strip():
                    self.enumerator(code, start, at)
                was = self.scopes.pop() if len(self.scopes) > 1 else scope
                if was.kind == "initialiser":
                    continue
            elif token == ";":
                if scope.kind == "initialiser":
                    continue
                self.declared(declaration, None, code, start, at)
            else:
                scope.public = token.startswith("public")
            start = mark.end()
        return self.found

    @staticmethod
    def is_initialiser(declaration, scope):
        """A brace that belongs to a value: `int x{};`, `= {...}`, a member of a constructor's list."""
        text = bare(declaration)
        if scope.kind == "initialiser":
            return True
        if not text or re.match(r"(namespace|class|struct|union|enum|concept|extern)\b", text):
            return False
        return "(" not in text or re.search(r"[=,]\s*$", text) is not None

    def is_public(self):
        """True where a declaration is one that a user of the library meets."""
        classes = [scope for scope in self.scopes if scope.kind == "class"]
        if any(scope.kind == "body" for scope in self.scopes) or len(classes) > 1:
            return False
        if not all(scope.public for scope in classes):
            return False
        in_detail = any(scope.kind == "detail" for scope in self.scopes)
        return not in_detail or bool(classes and classes[0].inherits)

    def where(self, code, start, at):
        """The line on which a declaration begins."""
        lead = len(code[start:at]) - len(code[start:at].lstrip())
        return line_of(code, start + lead)

    def opened(self, declaration, code, start, at):
        text = bare(declaration)
        line = self.where(code, start, at)
        if re.match(r"(inline\s+)?namespace\b", text):
            self.scopes.append(Scope("detail" if re.search(r"\bdetail\b", text) else "namespace"))
        elif found := re.match(r"enum\b(?:\s+(?:class|struct))?\s*(\w*)", text):
            self.need(line, f"enum {found.group(1)}", [])
            self.scopes.append(Scope("enum", found.group(1)))
        elif found := re.match(r"(class|struct|union)\s+(\w+)", text):
            kind, name = found.groups()
            nested = self.scopes[-1].kind == "class"
            self.need(line, f"{kind} {name}", CLASS_LINES if kind == "class" and not nested else [])
            self.scopes.append(Scope("class", name, kind != "class", name in self.handed_on))
        else:
            body = re.match(r"\{((?:[^{}]|\{[^{}]*\})*)\}", code[at:])
            self.declared(declaration, body.group(1) if body else "", code, start, at)
            self.scopes.append(Scope("body"))

    def need(self, line, what, labels):
        if self.is_public():
            missing = list(missing_lines(docstring(self.file, line), labels))
            if missing:
                self.fault(line, f"{what}: docstring lacks {', '.join(missing)}")

    def declared(self, declaration, body, code, start, at):
        """A declaration that ended, or a function whose body begins."""
        text = bare(declaration)
        scope = self.scopes[-1]
        if not text or not self.is_public() or scope.kind == "file":
            return
        line = self.where(code, start, at)
        if re.match(r"(using|typedef|friend|static_assert|extern|class|struct|enum|requires)\b", text):
            return
        is_function = "(" in text.split("=")[0] or re.search(r"\boperator\b", text)
        if text.startswith("concept") or " concept " in text:
            self.need(line, "concept", [])
        elif scope.kind == "class" and is_function:
            self.member(text, body, line, scope)
        elif scope.kind == "class":
            self.field(text, line, line_of(code, at), scope)
        elif is_function:
            self.need(line, f"function {self.name_of(text)}", FREE_LINES)

    @staticmethod
    def name_of(text):
        found = re.search(r"(operator\s*[^\s(]+|~?\w+)\s*\(", text)
        return found.group(1) if found else text

    def member(self, text, body, line, scope):
        name = self.name_of(text)
        if name.lstrip("~") == scope.name or name.replace(" ", "") == "operator=":
            return
        if re.search(r"\boverride\b|=\s*(default|delete)$", text):
            return
        if docstring(self.file, line):
            scope.documented.add(name)
            self.need(line, f"member {name}", [])
        elif name in scope.documented:
            return
        elif not (body is not None and re.search(r"\(\s*\)", text)
                  and re.fullmatch(r"\s*return\b[^;]*;\s*", body)):
            self.fault(line, f"member {scope.name}::{name}: docstring lacks a sentence")

    def field(self, text, line, last, scope):
        if re.search(r"_(options|stats)$", scope.name) and not self.explained(line, last):
            self.fault(line, f"field of {scope.name}: nothing says what it means: {text}")

    def enumerator(self, code, start, at):
        line = self.where(code, start, at)
        if self.is_public() and not self.explained(line, line_of(code, at)):
            self.fault(line, f"enumerator of {self.scopes[-1].name}: nothing says what it means")

    def explained(self, line, last):
        return docstring(self.file, line) or any(
            re.search(r"///< \S", text) for text in self.file.lines[line - 1:last])


def handed_on(files):
    """Classes of detail that a public class derives from in public."""
    return {name for file in files
            for name in re.findall(r":\s*public\s+detail::(\w+)", file.code)}


def head_faults(file):
    if not re.match(r"// SPDX-License-Identifier: MIT$", file.lines[0] if file.lines else ""):
        yield 1, "the first line is not the licence"
    if file.path.suffix == ".hpp":
        if "#pragma once" not in file.lines[:3]:
            yield 1, "no #pragma once under the licence"
        if not re.search(r"^/// \\file\n/// \S", file.text, re.M):
            yield 1, "no \\file paragraph says what this header is"
    if len(file.lines) > LINES_MAX:
        yield LINES_MAX + 1, f"{len(file.lines)} lines; a file holds one idea, in at most {LINES_MAX}"


def faults(root):
    headers = sources(root, "include")
    names = handed_on(headers)
    for file in headers:
        yield from (f"{file.name}:{line}: {what}" for line, what in Reader(file, names).read())
    for file in sources(root, "include", "src", "tool", "tests", "bench", "examples"):
        yield from (f"{file.name}:{line}: {what}" for line, what in head_faults(file))
    if not headers:
        yield f"{root}: there are no public headers here"


if __name__ == "__main__":
    at = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    sys.exit("\n".join(faults(at if at.is_dir() else at.parent.parent)) or 0)
