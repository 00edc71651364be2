#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: scripts/count_cases.py JUNIT_FILE

Prints `PASSED FAILED SKIPPED` of a report that ctest wrote. A case that did not run for any reason
but its own wish counts as failed, and so does a report without cases."""
import sys
import xml.etree.ElementTree as tree

counts = {"passed": 0, "failed": 0, "skipped": 0}
for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
    status, note = case.get("status"), case.find("skipped")
    if status == "run":
        counts["passed"] += 1
    elif status == "notrun" and note is not None and note.get("message", "").startswith("SKIP_"):
        counts["skipped"] += 1
    else:
        counts["failed"] += 1
if not any(counts.values()):
    counts["failed"] = 1
print(*counts.values())
