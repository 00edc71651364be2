# SPDX-License-Identifier: MIT
"""mutate.py COMPILER [FLAG...]: removes each defence of mutations.py from a copy of the library and
demands that a misuse program fails without it.

First a run of each pool must pass on the library as it is; that all of them do is what the tests of misuse say. A
mutation whose text is not found exactly once, or that does not compile, is an error: the list must follow the code.
"""

import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree stays as it is

from mutations import MUTATIONS

HERE = pathlib.Path(__file__).resolve().parent
LINKER = ["-fuse-ld=mold"] if shutil.which("mold") else []
ROOT = HERE.parent.parent
SOURCES = sorted((ROOT / "src").glob("*.cpp"))
LIBRARY = {path.relative_to(ROOT): path.read_text()
           for path in [*SOURCES, *(ROOT / "include").rglob("*.hpp")]}


class Failure(Exception):
    """Something that must be looked at by a person."""


def compile_to(target, source, overlay, command):
    done = subprocess.run(
        [*command, f"-I{overlay}/include", f"-I{ROOT}/include", f"-I{ROOT}/src", f"-I{HERE}",
         f"-I{HERE.parent}",
         "-c", str(source), "-o", str(target)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{source} does not compile:\n{done.stderr}")
    return target


def precompile_standard_headers(scratch, command):
    """Most of the time goes into headers that no mutation changes: they are compiled once."""
    texts = [*LIBRARY.values(), *(path.read_text() for path in HERE.glob("*.hpp"))]
    names = sorted({name for text in texts for name in re.findall(r"#include <(\w+)>", text)})
    header = scratch / "standard.hpp"
    header.write_text("".join(f"#include <{name}>\n" for name in names))
    subprocess.run([*command, "-x", "c++-header", str(header), "-o", f"{header}.gch"], check=True)
    return [*command, "-include", str(header)]


def passes(run, folder, rebuilt, objects, command):
    """Builds one program, with the files of the library that `rebuilt` names as a part of it, links it with the
    other objects, and runs it; True when run.py is content."""
    name, pool = run.split("/")
    source = HERE / f"{name}.cpp"
    both = folder / f"with_{name}.cpp"
    both.write_text("".join(f'#include "{path}"\n' for path in [*rebuilt, source]))
    own = compile_to(folder / f"{name}.o", both, folder, [*command, f'-DMISUSE_POOL="{pool}"'])
    program = folder / name
    names = {path.name for path in rebuilt}
    rest = [str(path) for of, path in objects.items() if of not in names]
    done = subprocess.run([command[0], *LINKER, str(own), *rest, "-o", str(program)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{name} does not link:\n{done.stderr}")
    return subprocess.run([sys.executable, str(HERE / "run.py"), str(source), str(program), pool],
                          capture_output=True).returncode == 0


def place_of(mutation):
    """The file and the pattern of a mutation."""
    pattern = re.compile(r"\s*".join(map(re.escape, mutation[1].split())))
    found = [(path, len(pattern.findall(content))) for path, content in LIBRARY.items()]
    found = [(path, times) for path, times in found if times > 0]
    if len(found) != 1 or found[0][1] != 1:
        raise Failure(f"'{mutation[0]}': its text is not found exactly once but in {found}")
    return found[0][0], pattern


def file_with_code_of(run):
    """The compiled file that holds what the headers leave of the pool of a run."""
    pool = run.split("/")[1]
    if "arena" in pool or "handle" in pool:
        return "arena.cpp" if "arena" in pool else "handle_core.cpp"
    kind = "pool_resource" if "resource" in pool else "block_pool"
    return f"concurrent_{kind}.cpp" if "concurrent" in pool else f"{kind}.cpp"


def survives(mutation, number, scratch, plain, command):
    """True when no run notices the mutation."""
    _, _, replacement, runs = mutation
    path, pattern = place_of(mutation)
    folder = scratch / f"mutant{number}"
    mutant = folder / path
    mutant.parent.mkdir(parents=True)
    mutant.write_text(pattern.sub(lambda _: replacement, LIBRARY[path]))
    # A header of the same name in the mutant's folder is found first.
    return all(passes(run, folder, rebuilt_for(run, mutant), plain, command) for run in runs)


def rebuilt_for(run, mutant=None):
    """The files of the library that hold code of the run's pool, or of the mutant."""
    own = ROOT / "src" / file_with_code_of(run)
    if mutant is None or mutant.suffix != ".cpp":
        return [own]
    return [mutant] if mutant.name == own.name else [mutant, own]


def passes_unchanged(run, scratch, plain, command):
    folder = scratch / f"unchanged_{run.replace('/', '_')}"
    folder.mkdir()
    return passes(run, folder, rebuilt_for(run), plain, command)


def main():
    command = [*sys.argv[1:], "-std=c++20", "-O0", "-w"]
    for mutation in MUTATIONS:  # what has gone stale shows at once
        place_of(mutation)
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(2) as pool:
        scratch = pathlib.Path(name)
        command = precompile_standard_headers(scratch, command)
        built = pool.map(lambda source: compile_to(scratch / f"{source.stem}.o", source, scratch,
                                                   command), SOURCES)
        plain = dict(zip([source.name for source in SOURCES], built))
        runs = list({run.split("/")[1]: run for mutation in MUTATIONS for run in mutation[3]}.values())
        for run, good in zip(runs, pool.map(lambda run: passes_unchanged(run, scratch, plain, command), runs)):
            if not good:
                raise Failure(f"{run} fails on the library as it is")
        unnoticed = []
        for mutation, alive in zip(MUTATIONS, pool.map(
                lambda job: survives(job[1], job[0], scratch, plain, command),
                enumerate(MUTATIONS))):
            print(f"{'NOT NOTICED' if alive else 'noticed'}: without '{mutation[0]}'", flush=True)
            unnoticed += [mutation[0]] if alive else []
    print(f"{len(MUTATIONS) - len(unnoticed)} of {len(MUTATIONS)} removed defences were noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
