# SPDX-License-Identifier: MIT
"""usage: unless_unchanged.py NOTE INPUT... -- COMMAND...

Runs the command, and leaves a note when it passed; where the note says that it passed with the same
command and the same contents of the inputs (files, or folders with all below them), it is not run again.
For checks that depend on nothing else and take long. A note lies in a build folder, so an empty one
means that everything runs.
"""

import hashlib
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is


def files_of(name):
    path = pathlib.Path(name)
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def fingerprint(inputs, command):
    parts = hashlib.sha256("\0".join(command).encode())
    for file in (file for name in inputs for file in files_of(name)):
        parts.update(f"\0{file}\0".encode() + file.read_bytes())
    return parts.hexdigest()


def main():
    if "--" not in sys.argv[2:]:
        sys.exit(__doc__)
    split = sys.argv.index("--")
    note, inputs, command = pathlib.Path(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1:]
    now = fingerprint(inputs, command)
    if note.is_file() and note.read_text() == now:
        print("unchanged since it passed")
        return 0
    note.unlink(missing_ok=True)
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(now)
    return code


if __name__ == "__main__":
    sys.exit(main())
