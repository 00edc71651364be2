#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves that scripts/check_layers.py and scripts/check_docs.py can fail: a small tree that passes
both, and one change at a time that each must be met by exactly one fault of the expected words. Also
that scripts/run_cases.py counts nothing as passed that did not run, and runs again what has changed."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as tree

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"

HEAD = "// SPDX-License-Identifier: MIT\n#pragma once\n/// \\file\n/// A header.\n"
LABELS = {label: f"/// {label}: words.\n" for label in ("Units", "Complexity", "Errors", "Threads", "Source")}
CLASS_DOC = "/// A pool.\n///\n" + "".join(LABELS.values())
FREE_DOC = "/// Does it.\n///\n" + "".join(LABELS[label] for label in list(LABELS)[:-1])


def header(body, includes=()):
    lines = "".join(f"#include {name}\n" for name in includes)
    return f"{HEAD}{lines}MILLPOND_NAMESPACE_BEGIN\n{body}\nMILLPOND_NAMESPACE_END\n"


def pool_class(members):
    return f"{CLASS_DOC}class block_pool {{\npublic:\n{members}\nprivate:\n    int x_;\n}};"


GOOD = {
    "include/millpond/millpond.hpp": header("", ['"millpond/pool/block_pool.hpp"']),
    "include/millpond/base/config.hpp": HEAD + "#define MILLPOND_NAMESPACE_BEGIN namespace millpond {\n"
        "#if 1\n#    define MILLPOND_NAMESPACE_END }\n#endif\n",
    "include/millpond/base/bits.hpp": header("namespace detail { int undocumented(int); }", ["<bit>"]),
    "include/millpond/memory/region.hpp": header("", ['"millpond/base/bits.hpp"']),
    "include/millpond/pool/magazine.hpp": header("", ['"millpond/base/bits.hpp"']),
    "include/millpond/pool/inline_storage.hpp": header("", ['"millpond/pool/magazine.hpp"']),
    "include/millpond/pool/region_storage.hpp": header("", ['"millpond/memory/region.hpp"']),
    "include/millpond/pool/pool_core.hpp": header("", ['"millpond/pool/magazine.hpp"']),
    "include/millpond/pool/typed_pool.hpp": header(
        "namespace detail {\n/// What pools share.\ntemplate <class T>\nclass typed_pool {\npublic:\n"
        "    /// Makes one.\n    T* create(int n);\n};\n}", ['"millpond/pool/pool_core.hpp"']),
    "include/millpond/pool/block_pool.hpp": header(
        "/// How.\nstruct block_pool_options {\n    int capacity = 0; ///< blocks\n"
        "    int bytes =\n        0; ///< bytes\n};\n\n/// Who.\nenum class owner { us, ///< we\n    you ///< you\n};\n\n"
        + pool_class("    explicit block_pool(int n);\n    ~block_pool();\n    block_pool(const block_pool&) = delete;\n"
                     "    block_pool& operator=(block_pool&&) = default;\n    /// Gives one.\n"
                     "    [[nodiscard]] void* allocate(int n) { if (n > 0) { return nullptr; } return this; }\n"
                     "    [[nodiscard]] void* allocate() { return allocate(1); }\n"
                     "    int size() const { return x_; }\n    int end() const { return {}; }")
        + f"\n\n{FREE_DOC}int count(const block_pool& pool);\n",
        ['"millpond/memory/region.hpp"', '"millpond/pool/region_storage.hpp"', "<span>"]),
    "include/millpond/pool/object_pool.hpp": header(
        f"{CLASS_DOC}template <class T>\nclass object_pool : public detail::typed_pool<T> {{\n}};",
        ['"millpond/pool/typed_pool.hpp"']),
    "include/millpond/pool/static_pool.hpp": header(
        "", ['"millpond/pool/inline_storage.hpp"', '"millpond/pool/typed_pool.hpp"']),
    "src/os.hpp": HEAD,
    "src/os_linux.cpp": '// SPDX-License-Identifier: MIT\n#include "os.hpp"\n#include <sys/mman.h>\n'
        "#ifndef X\n#    define X 1\n#endif\n",
    "src/region.cpp": '// SPDX-License-Identifier: MIT\n#include "millpond/memory/region.hpp"\n'
        "#include <string>\n// #include <unistd.h>\nint f() { return '{' + 1'000; }\n",
    "tool/exit_status.hpp": HEAD,
    "tool/trace/event_code.hpp": HEAD,
    "tool/record/shared_area.hpp": HEAD,
    "tool/record/inside.cpp": '// SPDX-License-Identifier: MIT\n#include "record/shared_area.hpp"\n'
        '#include "trace/event_code.hpp"\n#include <unistd.h>\n',
    "tool/replay/plan.cpp": '// SPDX-License-Identifier: MIT\n#include "exit_status.hpp"\n'
        '#include "trace/event_code.hpp"\n#include <vector>\n',
    "tests/pool/region.cpp": '// SPDX-License-Identifier: MIT\n#include <unistd.h>\n#define DOCTEST 1\n',
}


def faults_of(check, changes):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (GOOD | changes).items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        run = subprocess.run([sys.executable, SCRIPTS / check, folder], capture_output=True, text=True)
        if run.returncode not in (0, 1) or "Traceback" in run.stderr:
            raise AssertionError(run.stderr)
        if (run.returncode == 0) != (run.stderr.strip() == ""):
            raise AssertionError(f"exit status {run.returncode} with: {run.stderr}")
        return run.stderr.splitlines()


def with_include(name, include):
    line = f"#include {include}\n"
    if name.endswith(".cpp"):
        return {name: GOOD[name] + line}
    return {name: GOOD[name].replace("/// A header.\n", "/// A header.\n" + line, 1)}


def include_case(name, include, words):
    return name, with_include(name, include), words


INCLUDE = "include/millpond/"
LAYER_CASES = [
    include_case(INCLUDE + "base/bits.hpp", '"millpond/memory/region.hpp"', "base must not include memory"),
    include_case(INCLUDE + "memory/region.hpp", "<millpond/pool/magazine.hpp>", "memory must not include pool"),
    include_case(INCLUDE + "pool/pool_core.hpp", '"millpond/pool/block_pool.hpp"', "which stands on it"),
    include_case(INCLUDE + "pool/typed_pool.hpp", '"millpond/pool/object_pool.hpp"', "which stands on it"),
    include_case(INCLUDE + "base/bits.hpp", '"millpond/millpond.hpp"', "which includes it"),
    include_case(INCLUDE + "base/bits.hpp", '"millpond/base/gone.hpp"', "there is no millpond/base/gone.hpp"),
    include_case(INCLUDE + "pool/block_pool.hpp", '"os.hpp"', "the library must not include os.hpp"),
    include_case(INCLUDE + "pool/block_pool.hpp", '"../../src/os.hpp"', "the library must not include"),
    include_case(INCLUDE + "base/bits.hpp", "<iostream>", "no place in a public header"),
    include_case(INCLUDE + "base/bits.hpp", "<string>", "no place in a public header"),
    include_case(INCLUDE + "base/bits.hpp", "<functional>", "no place in a public header"),
    include_case(INCLUDE + "base/bits.hpp", "<unistd.h>", "belongs in src/os_*.cpp"),
    include_case("src/region.cpp", "<sys/mman.h>", "belongs in src/os_*.cpp"),
    include_case("src/region.cpp", '"tests/support/skip.hpp"', "the library must not include"),
    include_case("src/region.cpp", '"trace/event_code.hpp"', "the library must not include"),
    include_case("tool/replay/plan.cpp", '"record/shared_area.hpp"', "must not include stage record"),
    include_case("tool/trace/event_code.hpp", '"replay/plan.hpp"', "must not include stage replay"),
    include_case("tool/replay/plan.cpp", '"os.hpp"', "belongs to the library alone"),
    include_case("tests/pool/region.cpp", '"../src/os.hpp"', "belongs to the library alone"),
    include_case("tool/record/inside.cpp", "<vector>", "inside the recorded program"),
    include_case("tool/record/inside.cpp", '"trace/reader.hpp"', "inside the recorded program"),
    include_case("tool/trace/event_code.hpp", "<string>", "from inside the recorded program"),
    ("a new header without a step", {INCLUDE + "pool/whirlpool.hpp": header("")}, "has no step in pool"),
    ("a folder that is no layer", {INCLUDE + "extra/arena.hpp": header("")}, "extra is no layer"),
    ("a stage nobody placed", {"tool/advise/rank.cpp": GOOD["tests/pool/region.cpp"]}, "stage advise is unknown"),
    ("static_pool reaching the OS", {INCLUDE + "pool/magazine.hpp": header("", ['"millpond/memory/region.hpp"'])},
     ["static_pool.hpp -> ", "inline_storage.hpp -> magazine.hpp -> region.hpp"]),
    ("a macro in a header", {INCLUDE + "pool/magazine.hpp": header("#define ENTRIES 4")}, "macro ENTRIES belongs"),
    ("a macro in a source", {"src/region.cpp": GOOD["src/region.cpp"] + "#define TWO 2\n"}, "macro TWO belongs"),
    ("#if in a function", {INCLUDE + "pool/magazine.hpp": header(
        "class magazine {\n    int size() {\n#if 0\n        return 1;\n#endif\n        return 2;\n    }\n};")},
     "#if inside a function"),
    ("#ifdef in a lambda in a source", {"src/region.cpp": GOOD["src/region.cpp"]
        + "int g = [] {\n#ifdef Y\n    return 1;\n#endif\n}();\n"}, "#ifdef inside a function"),
]

POOL = INCLUDE + "pool/block_pool.hpp"


def replaced(old, new, name=POOL):
    assert GOOD[name].count(old) >= 1, old
    return {name: GOOD[name].replace(old, new, 1)}


DOC_CASES = [
    *[(f"a class without {label}", replaced(text, ""), f"class block_pool: docstring lacks {label}")
      for label, text in LABELS.items()],
    ("a class with an empty label", replaced("/// Errors: words.", "/// Errors:"), "docstring lacks Errors"),
    ("a class without a sentence", replaced("/// A pool.\n///\n", ""), "docstring lacks a sentence"),
    ("a class template", {INCLUDE + "pool/object_pool.hpp": header(
        "template <class T>\nrequires(sizeof(T) > 1)\nclass object_pool {\n};")}, "class object_pool"),
    ("a free function", {POOL: GOOD[POOL].replace(FREE_DOC, "/// Does it.\n")},
     "function count: docstring lacks Units, Complexity, Errors, Threads"),
    ("an operator", {INCLUDE + "memory/region.hpp": header("bool operator==(region a, region b) noexcept;")},
     "function operator=="),
    ("an inline function template", {INCLUDE + "memory/region.hpp": header(
        "template <class T>\n[[nodiscard]] constexpr T* fill(T* first) noexcept {\n    return first;\n}")},
     "function fill"),
    ("a member", replaced("    /// Gives one.\n", ""), "member block_pool::allocate"),
    ("an inherited member", replaced("    /// Makes one.\n", "", INCLUDE + "pool/typed_pool.hpp"),
     "member typed_pool::create"),
    ("a struct", replaced("/// How.\n", ""), "struct block_pool_options"),
    ("an option", replaced(" ///< blocks", ""), "nothing says what it means"),
    ("an enum", replaced("/// Who.\n", ""), "enum owner"),
    ("an enumerator", replaced(" ///< you", ""), "enumerator of owner"),
    ("a licence", {"src/region.cpp": "int x;\n"}, "not the licence"),
    ("a \\file paragraph", replaced("/// \\file\n/// A header.\n", "", INCLUDE + "base/bits.hpp"), "no \\file"),
    ("#pragma once", replaced("#pragma once\n", "", INCLUDE + "base/bits.hpp"), "no #pragma once"),
    ("a file too long", {"src/region.cpp": GOOD["src/region.cpp"] + "\n" * 450}, "lines; a file holds"),
]


class Checks(unittest.TestCase):
    def meets(self, check, changes, words):
        words = [words] if isinstance(words, str) else words
        found = faults_of(check, changes)
        for expected in words:
            self.assertEqual(sum(expected in fault for fault in found), 1, found)
        for fault in found:
            self.assertRegex(fault, r"^[\w/.]+:\d+: ")


def add(name, body):
    setattr(Checks, f"test {name}", body)


for check in ("check_layers.py", "check_docs.py"):
    add(f"{check} passes a good tree", lambda self, check=check: self.assertEqual(faults_of(check, {}), []))
    add(f"{check} refuses an empty tree", lambda self, check=check: self.assertNotEqual(
        subprocess.run([sys.executable, SCRIPTS / check, tempfile.gettempdir() + "/none"],
                       capture_output=True).returncode, 0))
for number, (name, changes, words) in enumerate(LAYER_CASES):
    add(f"layers {number:02} {name}", lambda self, c=changes, w=words: self.meets("check_layers.py", c, w))
for number, (name, changes, words) in enumerate(DOC_CASES):
    add(f"docs {number:02} {name}", lambda self, c=changes, w=words: self.meets("check_docs.py", c, w))


REPORTS = [
    ("a pass", '<testcase name="b" status="run"/>', "1 0 0"),
    ("a failure", '<testcase name="a" status="fail"><failure/></testcase><testcase name="b" status="run"/>', "1 1 0"),
    ("a skip", '<testcase name="a" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>', "0 0 1"),
    ("a missing program", '<testcase name="a" status="notrun"><skipped message="Unable to find executable"/></testcase>',
     "0 1 0"),
    ("a disabled case", '<testcase name="a" status="disabled"/>', "0 1 0"),
    ("no cases at all", "", "0 1 0"),
]


def counted(self, cases, expected):
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as report:
        report.write(f"<testsuite>{cases}</testsuite>")
        report.flush()
        run = subprocess.run([sys.executable, SCRIPTS / "run_cases.py", "--count", report.name],
                             capture_output=True, text=True)
    self.assertEqual(run.stdout.strip(), expected)


for name, cases, expected in REPORTS:
    add(f"run_cases.py counts {name}", lambda self, c=cases, e=expected: counted(self, c, e))


class WhatRunsAgain(unittest.TestCase):
    """run_cases.py on three cases that print a file: one of them must not fail, one depends on that file alone."""

    PROJECT = """cmake_minimum_required(VERSION 3.24)
project(three LANGUAGES NONE)
enable_testing()
foreach(name alone loose)
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E cat ${CMAKE_SOURCE_DIR}/${name})
endforeach()
add_test(NAME fails COMMAND ${CMAKE_COMMAND} -E cat ${CMAKE_SOURCE_DIR}/missing)
set_tests_properties(alone PROPERTIES REQUIRED_FILES ${CMAKE_SOURCE_DIR}/required)
"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "scripts").mkdir()
        for name, text in {"CMakeLists.txt": self.PROJECT, "alone": "a", "loose": "b", "required": "c",
                           "scripts/run_cases.py": (SCRIPTS / "run_cases.py").read_text()}.items():
            (self.root / name).write_text(text)
        subprocess.run(["cmake", "-S", self.root, "-B", self.root / "build"], check=True, capture_output=True)

    def run_cases(self, *options):
        """The line of counts, and the cases that ran."""
        report = self.root / "build" / "report.xml"
        done = subprocess.run([sys.executable, self.root / "scripts" / "run_cases.py", self.root / "build", report,
                               *options], capture_output=True, text=True)
        ran = tree.parse(report).getroot().iter("testcase") if report.is_file() else ()
        return done.stdout.splitlines()[-1], sorted(case.get("name") for case in ran)

    def test_what_passed_does_not_run_again(self):
        self.assertEqual(self.run_cases(), ("2 1 0 0", ["alone", "fails", "loose"]))
        self.assertEqual(self.run_cases(), ("2 1 0 2", ["fails"]))
        (self.root / "missing").write_text("here")
        self.assertEqual(self.run_cases(), ("3 0 0 1", ["fails", "loose"]))  # another file of the source tree
        self.assertEqual(self.run_cases(), ("3 0 0 3", []))

    def test_what_a_case_depends_on_makes_it_run(self):
        self.run_cases()
        (self.root / "alone").write_text("another")
        self.assertEqual(self.run_cases("-R", "alone"), ("1 0 0 0", ["alone"]))
        (self.root / "required").write_text("another")
        self.assertEqual(self.run_cases("-R", "alone"), ("1 0 0 0", ["alone"]))
        (self.root / "loose").write_text("another")
        self.assertEqual(self.run_cases("-R", "alone"), ("1 0 0 1", []))
        (self.root / "required").unlink()
        self.assertEqual(self.run_cases("-R", "alone"), ("0 1 0 0", ["alone"]))

    def test_options_choose_and_what_they_leave_out_stays_noted(self):
        self.assertEqual(self.run_cases("-R", "alone"), ("1 0 0 0", ["alone"]))
        self.assertEqual(self.run_cases("-R", "loose"), ("1 0 0 0", ["loose"]))
        self.assertEqual(self.run_cases("-E", "fails"), ("2 0 0 2", []))
        self.assertEqual(self.run_cases("-R", "nothing is called so")[0], "0 1 0 0")

    def test_what_ctest_left_out_has_failed(self):
        self.run_cases()
        ctest = self.root / "ctest"  # one that is content without running anything
        ctest.write_text(f"""#!/bin/sh
case "$*" in *--show-only*) exec {shutil.which("ctest")} "$@";; esac
while [ "$1" != --output-junit ]; do shift; done
echo '<testsuite/>' >"$2"
""")
        ctest.chmod(0o755)
        (self.root / "loose").write_text("another")
        os.environ["PATH"] = f"{self.root}:{os.environ['PATH']}"
        self.addCleanup(os.environ.update, PATH=os.environ["PATH"].split(":", 1)[1])
        self.assertEqual(self.run_cases("-R", "alone|loose")[0], "1 1 0 1")


if __name__ == "__main__":
    unittest.main()
