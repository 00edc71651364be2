# SPDX-License-Identifier: MIT
"""The page's model: the overview, and a section for each question of one or more results."""
import page_containers
import page_one_thread
import page_several_threads
from figures import is_peer


def compared(results):
    for result in results:
        for part in (page_one_thread, page_several_threads, page_containers):
            for comparison in part.comparisons(result):
                yield result, comparison


def overview(results):
    rows = []
    for result, (title, spreads, ours) in compared(results):
        best = result.best_peer(spreads)
        if best is None or ours not in spreads:
            continue
        floor = next((s for n, s in spreads.items() if n.startswith("floor")), None)
        rows.append([title, floor.middle if floor else None, spreads[ours].middle,
                     spreads[best].middle, result.verdict(spreads, ours)])
    return {"heading": "Millpond against the best peer of each pattern", "chart": None,
            "text": "The best peer is whichever of all contenders is fastest there; it is another "
                    "one from row to row. \"same\": the difference lies within the spread of the "
                    "repetitions.",
            "table": {"columns": ["ns", "floor", "millpond", "best peer", "verdict"],
                      "rows": rows}}


def contender_section(result):
    rows = [[one["name"], one["what"], (one.get("package", "") + " " +
                                        one.get("version", "")).strip() or "this project"]
            for one in result.data["contenders"]]
    rows += [[one["contender"], "skipped: " + one["reason"], "–"]
             for one in result.data["skipped"]]
    rows += [[name, f"failed: {question}{f', {size} bytes' if size else ''}: {failure}", "–"]
             for name, question, size, failure in result.failures()]
    return {"heading": "Who takes part", "text": "", "chart": None,
            "table": {"columns": ["contender", "how it is used", "version"], "rows": rows}}


def facts_of(results):
    """Machine and build of each result, or once where they are the same."""
    facts = []
    for number, result in enumerate(results):
        data = result.data
        for part in ("machine", "build"):
            if number == 0 or data[part] != results[0].data[part]:
                facts += [[key, str(value)] for key, value in data[part].items()]
        facts += [["commit", data["commit"]], ["date", data["date"]],
                  ["repetitions", str(data["repetitions"])], ["reproduce", data["command"]]]
        if "note" in data:
            facts.append(["note", data["note"]])
    return facts


def page_model(results):
    sections = [overview(results)]
    for result in results:
        sections += (page_one_thread.sections(result) + page_several_threads.sections(result) +
                     page_containers.sections(result))
    sections += [contender_section(result) for result in results]
    peers = {name for result in results for name in result.contenders if is_peer(name)}
    lead = (f"{len(peers)} ways to get a block, the same loops for all, each figure from fresh "
            "processes that take turns.")
    for effort in {result.data["effort"] for result in results} - {"recorded"}:
        lead += (f" This is a {effort} run: fewer operations, and where a heading says "
                 "millions, a fraction of them.")
    return {"title": "Millpond against the field", "lead": lead, "facts": facts_of(results),
            "sections": sections}
