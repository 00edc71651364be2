#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: scripts/check_layers.py [ROOT]

Fails when a file includes something above it, or something that its layer must live without. The
tables below are the architecture. Prints one line per fault: FILE:LINE: what is wrong."""
import pathlib
import re
import sys

from cxx_source import line_of, sources

# Left never includes right.
LAYERS = ["base", "memory", "pool", "adapt"]

# Inside a layer: a step includes its own and those before it. Every file of the layer stands here.
STEPS = {"pool": [["block_state", "occupancy", "magazine", "inline_storage", "region_storage",
                   "construct", "pool_deleter", "position", "arena_record", "rewind_history", "block_memory",
                   "pool_metadata", "handle"],
                  ["atomic_occupancy", "chunk_directory", "arena_core"],
                  ["thread_cache", "chunked_storage", "arena"], ["concurrent_layout", "frame_arena"],
                  ["block_source", "pool_view", "span_space"],
                  ["pool_core", "concurrent_core", "concurrent_core_cold",
                   "concurrent_core_free", "concurrent_core_growth", "concurrent_core_verify",
                   "concurrent_core_words", "reservation", "handle_core", "span_heap"],
                  ["typed_pool", "block_pool", "shared_owner", "dense_objects"],
                  ["object_pool", "static_pool", "concurrent_block_pool", "concurrent_object_pool",
                   "recycling_pool", "handle_pool"]],
         "adapt": [["resource_plan", "unpooled_blocks", "pools_by_class"], ["resource_core", "resource_core_cold"],
                   ["pool_resource", "concurrent_pool_resource"],
                   ["pool_allocator", "allocate_unique", "arena_resource"]]}

# These work without an operating system, so nothing that they reach may lie in memory/.
WITHOUT_MEMORY = ["include/millpond/pool/static_pool.hpp", "include/millpond/pool/inline_storage.hpp"]

# Headers that may define macros, the one that talks to sanitizers and Valgrind, and the one that compares many
# bytes at once.
MACROS_MAY = re.compile(r"include/millpond/base/(config|contract|instrument)\.hpp|src/os_\w+\.cpp")
NOT_STANDARD = {"include/millpond/base/instrument.hpp":
                {"sanitizer/msan_interface.h", "valgrind/memcheck.h"},
                "include/millpond/pool/position.hpp": {"emmintrin.h"}}

# Heavy or allocating; a user of the library does not get them through us.
UNWANTED = {"iostream", "istream", "ostream", "sstream", "fstream", "iomanip", "string", "functional",
            "regex", "filesystem", "map", "unordered_map", "vector"}
STANDARD = re.compile(r"[a-z_0-9]+")
OS_MAY = re.compile(r"src/os_\w+\.cpp")

# The tool: what each stage may include beside itself and the headers that lie in tool/ itself.
STAGES = {"trace": [], "page": [], "info": ["trace"], "record": ["trace"], "replay": ["trace", "page"]}

# Runs inside a stranger's process: nothing here, or reached from here, may bring in what allocates.
VICTIM = re.compile(r"tool/record/(inside\w*|heap_calls|interpose\w*)\.[hc]pp")
VICTIM_MAY = re.compile(r"record/(inside\w*|heap_calls|interpose\w*|shared_area)\.hpp"
                        r"|trace/(event_code|packet_kind|facts)\.hpp")
ALLOCATES = UNWANTED | {"memory", "deque", "list", "set", "unordered_set", "memory_resource", "thread",
                        "future", "locale", "any", "stdexcept", "system_error"}


def layer_faults(file):
    """Direction and steps between the layers of the library."""
    parts = file.name.split("/")
    layer = parts[2] if len(parts) == 4 else None
    if layer is None:  # millpond.hpp and fwd.hpp stand above everything
        return
    if layer not in LAYERS:
        yield 1, f"{layer} is no layer; the layers are {', '.join(LAYERS)}"
        return
    place = {name: i for i, step in enumerate(STEPS.get(layer, [])) for name in step}
    if layer in STEPS and file.path.stem not in place:
        yield 1, f"{file.path.stem} has no step in {layer}: give it one in scripts/check_layers.py"
    for line, header, _ in file.includes:
        found = re.fullmatch(r"millpond/(?:(\w+)/)?(\w+)\.hpp", header)
        if not found:
            continue
        target, name = found.groups()
        if target is None and name != "fwd":
            yield line, f"{layer} must not include {header}, which includes it"
        elif target in LAYERS and LAYERS.index(target) > LAYERS.index(layer):
            yield line, f"{layer} must not include {target}"
        elif target == layer and place.get(name, 0) > place.get(file.path.stem, 0):
            yield line, f"{file.path.stem} must not include {name}, which stands on it"


def library_include_faults(file, root):
    """What the library may include at all: itself and plain standard headers."""
    in_headers = file.name.startswith("include/")
    for line, header, quoted in file.includes:
        if header.startswith("millpond/"):
            if not (root / "include" / header).is_file():
                yield line, f"there is no {header}"
        elif quoted:
            if in_headers or header != "os.hpp":
                yield line, f"the library must not include {header}"
        elif header in NOT_STANDARD.get(file.name, ()) or OS_MAY.fullmatch(file.name):
            pass
        elif not STANDARD.fullmatch(header):
            yield line, f"system header {header} belongs in src/os_*.cpp"
        elif in_headers and header in UNWANTED:
            yield line, f"<{header}> has no place in a public header"


def macro_faults(file):
    """Macros live in few files, and no function is one thing here and another thing there."""
    if not MACROS_MAY.fullmatch(file.name):
        for line, keyword, rest in file.directives:
            if keyword == "define":
                yield line, f"macro {rest.split()[0]} belongs in base/config.hpp or base/contract.hpp"
    inside = lines_inside_functions(file.code)
    for line, keyword, _ in file.directives:
        if keyword in ("if", "ifdef", "ifndef", "elif", "else") and line in inside:
            yield line, f"#{keyword} inside a function"


def lines_inside_functions(code):
    """Lines between the braces of anything that is no namespace, class, struct, union or enum."""
    inside, stack, start = set(), [], 0
    for at, char in ((m.start(), m.group()) for m in re.finditer(r"[{};]", code)):
        if char == "{":
            head = code[start:at]
            is_scope = re.search(r"\b(namespace|class|struct|union|enum|extern)\b[^()=]*$", head)
            stack.append(None if is_scope else line_of(code, at))
        elif char == "}" and stack:
            opened = stack.pop()
            if opened is not None:
                inside.update(range(opened, line_of(code, at) + 1))
        start = at + 1
    return inside


def reach(start, files):
    """Everything of the library that a header includes, with the chain that leads there."""
    seen, waiting = {}, [(start, [start])]
    while waiting:
        name, chain = waiting.pop()
        for _, header, _ in files[name].includes if name in files else []:
            target = f"include/{header}"
            if target in files and target not in seen:
                seen[target] = chain + [target]
                waiting.append((target, seen[target]))
    return seen


def without_memory_faults(files):
    for start in WITHOUT_MEMORY:
        for target, chain in sorted(reach(start, files).items()):
            if target.startswith("include/millpond/memory/"):
                way = " -> ".join(pathlib.PurePath(name).name for name in chain)
                yield f"{start}:1: must work without an operating system: {way}"


def tool_faults(file):
    """Stages exchange files and plain structs; they never include each other."""
    stage = file.name.split("/")[1] if file.name.count("/") > 1 else None
    if stage is not None and stage not in STAGES:
        yield 1, f"stage {stage} is unknown: say in scripts/check_layers.py what it may include"
        return
    for line, header, quoted in file.includes:
        target = header.split("/")[0]
        if header.endswith("os.hpp") and quoted:
            yield line, "src/os.hpp belongs to the library alone"
        elif stage and quoted and target in STAGES and target not in STAGES[stage] + [stage]:
            yield line, f"stage {stage} must not include stage {target}"
        elif VICTIM.fullmatch(file.name) and (
                header in ALLOCATES or quoted and not VICTIM_MAY.fullmatch(header)):
            yield line, f"{header} must not run inside the recorded program"
    if VICTIM_MAY.fullmatch(file.name.removeprefix("tool/")) and not VICTIM.fullmatch(file.name):
        for line, header, quoted in file.includes:
            if header in ALLOCATES or quoted and not VICTIM_MAY.fullmatch(header):
                yield line, f"{header} must not be reached from inside the recorded program"


def outside_faults(file):
    """Tests, benchmarks and examples use what users use."""
    for line, header, quoted in file.includes:
        if re.search(r"(^|/)os\.hpp$", header) and quoted:
            yield line, "src/os.hpp belongs to the library alone"


def faults(root):
    library = sources(root, "include", "src")
    for file in library:
        found = list(library_include_faults(file, root)) + list(macro_faults(file))
        if file.name.startswith("include/"):
            found += layer_faults(file)
        yield from (f"{file.name}:{line}: {what}" for line, what in found)
    yield from without_memory_faults({file.name: file for file in library})
    for file in sources(root, "tool"):
        yield from (f"{file.name}:{line}: {what}" for line, what in tool_faults(file))
    for file in sources(root, "tests", "bench", "examples"):
        yield from (f"{file.name}:{line}: {what}" for line, what in outside_faults(file))
    if not library:
        yield f"{root}: there is no library here"


if __name__ == "__main__":
    at = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    sys.exit("\n".join(faults(at if at.is_dir() else at.parent.parent)) or 0)
