# SPDX-License-Identifier: MIT
"""check_result_files.py RESULT.json...: the tests of result_file.py, and that the results named are as it
writes them and belong together."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import result_file
from figures import Result

PROGRAM = Path(result_file.__file__)
REPORT = PROGRAM.parent / "report.py"
RECORDED = [Path(name) for name in sys.argv[1:]]


def made_up(commit="abc", processor="one", **more):
    """A result with two rows, numbers that are not short, and words that are not ASCII."""
    return {"title": "a title", "commit": commit, "command": "scripts/bench", "effort": "recorded",
            "repetitions": 2, "machine": {"processor": processor, "cores": 2}, "build": {"flags": "-O3"},
            "contenders": [{"name": "floor", "what": "a – b"}], "skipped": [],
            "results": [{"question": "q", "pattern": "pair", "bytes": 64, "contender": name,
                         "figures": {"time": [0.1 + 0.2, 1e-7, 4135000.0]}} for name in ("floor", "glibc")],
            **more}


class ResultFiles(unittest.TestCase):
    def setUp(self):
        self.held = tempfile.TemporaryDirectory()
        self.folder = Path(self.held.name)

    def tearDown(self):
        self.held.cleanup()

    def written(self, name, data):
        path = self.folder / name
        result_file.write(path, data)
        return path

    def run_program(self, *arguments, program=PROGRAM):
        return subprocess.run([sys.executable, program, *map(str, arguments)], capture_output=True,
                              text=True, check=False)

    def record(self, *results):
        into = self.folder / "results"
        into.mkdir()
        files = [self.written(f"{number}.json", data) for number, data in enumerate(results)]
        return self.run_program("--into", into, *files), sorted(into.iterdir())

    def test_what_is_written_is_read_back_in_the_same_order(self):
        data = made_up()
        self.assertEqual(json.dumps(result_file.read(self.written("a.json", data))), json.dumps(data))

    def test_every_row_is_a_line(self):
        lines = self.written("a.json", made_up()).read_text().splitlines()
        rows = [line for line in lines if '"question"' in line]
        self.assertEqual(len(rows), 2)
        for row in rows:
            json.loads(row.rstrip(","))
        self.assertEqual(len(lines), len(made_up()) + 2 + (1 + 1) + (2 + 1))

    def test_a_table_that_is_an_object_has_a_line_for_each_of_its_rows(self):
        path = self.written("a.json", {"programs": {"jq": {"rounds": [1, 2]}, "perl": {"rounds": []}}})
        self.assertEqual(len(path.read_text().splitlines()), 2 + 2 + 2)

    def test_a_file_that_is_laid_out_differently_is_found_and_can_be_laid_out_again(self):
        path = self.folder / "a.json"
        path.write_text(json.dumps(made_up(), indent=1))
        self.assertEqual(self.run_program("--check", path).returncode, 1)
        self.assertEqual(self.run_program(path).returncode, 0)
        self.assertEqual(self.run_program("--check", path).returncode, 0)
        self.assertEqual(result_file.read(path), made_up())

    def test_the_parts_of_one_recording_get_one_name(self):
        done, files = self.record(made_up(), made_up())
        self.assertEqual((done.returncode, len(files)), (0, 2))
        names = {result_file.read(file)["recording"] for file in files}
        self.assertEqual(len(names), 1)

    def test_parts_of_two_machines_are_not_recorded_at_all(self):
        done, files = self.record(made_up(), made_up(processor="another"))
        self.assertIn("machine", done.stderr)
        self.assertEqual((done.returncode, files), (1, []))

    def test_parts_of_two_commits_are_not_recorded_at_all(self):
        done, files = self.record(made_up(), made_up(commit="def"))
        self.assertIn("commit", done.stderr)
        self.assertEqual((done.returncode, files), (1, []))

    def test_tables_of_two_recordings_are_refused(self):
        files = [self.written(f"{at}.json", made_up(recording=at)) for at in ("then", "now")]
        done = self.run_program(*files, "--tables", self.written("README.md", {}), program=REPORT)
        self.assertIn("recording", done.stderr)
        self.assertEqual(done.returncode, 1)

    def test_a_part_that_names_no_recording_is_not_taken_for_one_that_does(self):
        self.assertTrue(result_file.mixing([made_up(), made_up(recording="now")]))
        self.assertFalse(result_file.mixing([made_up(), made_up(processor="another")]))

    def test_the_recorded_results_are_laid_out_so_and_belong_together(self):
        self.assertTrue(RECORDED)
        self.assertEqual(self.run_program("--check", *RECORDED).stderr, "")
        parts = [data for data in map(result_file.read, RECORDED) if "results" in data]
        self.assertFalse(result_file.mixing(parts))
        self.assertTrue(all(Result(part).rows for part in parts))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
