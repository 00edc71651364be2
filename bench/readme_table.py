# SPDX-License-Identifier: MIT
"""The table of the README: every pattern at 64 bytes, a few peers, and the best of all peers."""
from figures import OURS, number, time_text

BEGIN = "<!-- benchmark table: begin -->"
END = "<!-- benchmark table: end -->"

# Question, figure, what the reader calls it, how a value is written.
ROWS = [
    ("pair", "time", "pair: allocate, touch, free", number),
    ("burst of 1,000, freed in reverse", "time", "burst of 1,000, freed in reverse", number),
    ("burst of 1,000, freed in order", "time", "burst of 1,000, freed in order", number),
    ("churn, 1 k live", "time", "random churn, 1 k live", number),
    ("churn, 64 k live", "time", "random churn, 64 k live", number),
    ("churn, 4 M live", "time", "random churn, 4 M live", number),
    ("shuffled free and refill, 4 M", "free", "free 4 M in shuffled order", number),
    ("shuffled free and refill, 4 M", "refill", "allocate 4 M again after that", number),
    ("shuffled free and refill, 4 M", "walk", "walk them in allocation order", number),
    ("worst call in a growth to 4 M", "worst", "worst single allocation while growing to 4 M", time_text),
    ("start-up, 4 M", "ready", "construct a pool of 4 M, first allocation", time_text),
]
COLUMNS = [("floor", "floor"), (OURS, "millpond"), ("textbook list", "textbook list"),
           ("Boost.Pool pool", "Boost.Pool"), ("foonathan memory_pool", "foonathan"),
           ("pmr unsynchronized", "std::pmr"), ("glibc", "glibc")]


def readme_table(result):
    present = {row["question"] for row in result.rows}
    lines = ["| 64-byte blocks, ns per block | " + " | ".join(title for _, title in COLUMNS) +
             " | millpond against the best of all peers |",
             "|---|" + "---:|" * len(COLUMNS) + "---|"]
    for question, figure, title, write in ROWS:
        if question not in present:
            continue
        spreads = result.spreads(question, figure)
        cells = [write(spreads[name].middle) if name in spreads else "–" for name, _ in COLUMNS]
        verdict = result.verdict(spreads)
        if " behind " in verdict:
            verdict = f"**{verdict}**"
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {verdict} |")
    for question in result.questions("iterate"):
        spreads = result.spreads(question)
        ours = spreads.get("millpond object_pool (iteration)")
        floor = spreads.get("floor (dense array)")
        if ours and floor:
            verdict = result.verdict(spreads, "millpond object_pool (iteration)")
            if " behind " in verdict:
                verdict = f"**{verdict}**"
            lines.append(f"| {question} of 1 M | {number(floor.middle)} | {number(ours.middle)} |" +
                         " – |" * (len(COLUMNS) - 2) + f" {verdict} |")
    machine, build = result.data["machine"], result.data["build"]
    lines.append("")
    lines.append(f"Median of {result.data['repetitions']} interleaved repetitions, each in a fresh "
                 f"process ({min(5, result.data['repetitions'])} for 4 M), on {machine['processor']}, "
                 f"{machine['cores']} shared cores; {build['compiler']}; commit "
                 f"{result.data['commit']}. \"Same\": the difference lies within the spread. "
                 "Millpond checks every free here; of the peers, only the C heaps check anything.")
    return "\n".join(lines) + "\n"
