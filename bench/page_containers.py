# SPDX-License-Identifier: MIT
"""The page's sections about containers, and about blocks of mixed sizes."""
from figures import OURS_BY_PMR, OURS_IN_CONTAINERS, called_virtually
from page_parts import bars, fastest_first, instruction_section, log_needed

CONTAINERS = ["list", "forward_list", "map", "set", "unordered_map"]
FIGURES = ["build", "churn", "clear"]

EVERY_CONTAINER = ("A container is built from nothing, churned (a random element is erased and a new one "
                   "inserted), read in its own order and destroyed. Those of 1 k and 64 k follow one "
                   "another and the median counts; of 1 M there is one, from fresh memory. The "
                   "container's own work is in every figure, and alone in the floor's.")
TEXTS = {
    "list": "Elements of 16 bytes; newcomers go to the end, any element may go.",
    "forward_list": "Elements of 16 bytes; newcomers go to the front, any element may go.",
    "map": "Random keys of 8 bytes, values of 8 bytes; who goes is found by its key, and that "
           "search is in every churn.",
    "set": "Random keys of 8 bytes; who goes is found by its key.",
    "unordered_map": "Random keys of 8 bytes, values of 8 bytes. Its array of buckets comes from the "
                     "same source and grows while it is built.",
}


def verdicts(result, spreads):
    """Of both forms: against everybody, and against what is called virtually too."""
    virtual = {name: s for name, s in spreads.items() if called_virtually(name)}
    return (f"Through pool_allocator millpond is {result.verdict(spreads, OURS_IN_CONTAINERS)}; "
            f"through std::pmr, against the pmr resources, "
            f"{result.verdict(virtual, OURS_BY_PMR)}.")


def wide_table(cells, unit, note):
    """A row for each contender, a column for each pair of title and spreads."""
    names = list(dict.fromkeys(name for _, spreads in cells for name in fastest_first(spreads)))
    rows = [[name] + [spreads[name].middle if name in spreads else None for _, spreads in cells]
            for name in names]
    return {"columns": [unit] + [title for title, _ in cells], "rows": rows, "note": note}


def marked_best(table, result, cells):
    names = [row[0] for row in table["rows"]]
    table["best"] = [[names.index(best), column] for column, (_, spreads) in enumerate(cells, 1)
                     if (best := result.best_peer(spreads)) in names]
    return table


def container_section(result, pattern):
    questions = result.questions(pattern)
    cells = [(f"{figure}, {question.split(', ')[1]}", result.spreads(question, figure, 0))
             for figure in FIGURES + ["walk"] for question in questions]
    shown = next((q for q in questions if q.endswith("64 k")), questions[0])
    spreads = result.spreads(shown, "churn", 0)
    return {"heading": f"std::{pattern}",
            "text": f"{TEXTS[pattern]} {EVERY_CONTAINER if pattern == CONTAINERS[0] else ''} The plot is "
                    f"the churn of {shown}. {verdicts(result, spreads)}",
            "chart": bars(spreads, "ns per element replaced", log_needed(spreads), "churn"),
            "table": marked_best(wide_table(cells, "ns per element",
                                            "Medians; the best peer of each column is marked."),
                                 result, cells)}


def memory_section(result, size):
    """Built, at the peak and afterwards, for every container that was so large."""
    questions = [q for pattern in CONTAINERS for q in result.questions(pattern)
                 if q.endswith(", " + size)]
    cells = [(f"{title}, {question.split(', ')[0]}", spreads)
             for title, figure in (("peak", "churned bytes"), ("kept", "kept bytes"))
             for question in questions if (spreads := result.spreads(question, figure, 0))]
    if not cells:
        return None
    return {"heading": f"Memory of containers of {size}", "chart": None,
            "text": "Peak: resident bytes per element after the churn, when all have been there. "
                    "Kept: when the container is gone and library and heap were asked to give memory "
                    "back; std::pmr, Boost and foonathan can do that only by ending the resource. A "
                    "list's element has 32 bytes, a forward_list's 24, a map's 48, a set's 40, an "
                    "unordered_map's 24 and some 10 in its array.",
            "table": wide_table(cells, "bytes per element", "Medians.")}


def mixed_section(result, question):
    spreads = result.spreads(question, "time", 0)
    peak = result.spreads(question, "peak", 0)
    cells = [("ns per event", spreads), ("bytes at the peak", peak)]
    return {"heading": "Mixed sizes: a recorded program",
            "text": "Python 3.11 parses four files and writes their syntax trees as JSON: its 99,543 "
                    "allocations, from 1 byte to 106 KiB, and their frees, from start to end, in its "
                    "order. Bytes at the peak: resident memory for each byte that was live at most. "
                    + verdicts(result, spreads),
            "chart": bars(spreads, "ns per event", log_needed(spreads), "time"),
            "table": wide_table(cells, "", "Medians.")}


def json_section(result, question):
    spreads = result.spreads(question, "time", 0)
    cells = [(figure, result.spreads(question, figure, 0))
             for figure in ("time", "parse", "walk", "destroy", "built bytes")]
    return {"heading": question,
            "text": "A text of 4 MB becomes a tree of strings, vectors and maps, every value is read, "
                    "and the tree is destroyed. Parsing is done by nlohmann's parser, for everyone, "
                    "and is most of it. " + verdicts(result, spreads),
            "chart": bars(spreads, "ns per value", log_needed(spreads), "all three"),
            "table": wide_table(cells, "ns per value", "Medians. Built bytes: resident memory of the "
                                                       "tree, per value.")}


def comparisons(result):
    """Every question whose figure is a time: title, spreads, which is ours."""
    for pattern in CONTAINERS:
        for question in result.questions(pattern):
            for figure in FIGURES:
                yield (f"std::{question}: {figure}", result.spreads(question, figure, 0),
                       OURS_IN_CONTAINERS)
    for question in result.questions("mixed_sizes") + result.questions("json_document"):
        yield question, result.spreads(question, "time", 0), OURS_IN_CONTAINERS


def sections(result):
    found = [container_section(result, pattern) for pattern in CONTAINERS
             if result.questions(pattern)]
    found += [mixed_section(result, question) for question in result.questions("mixed_sizes")]
    found += [json_section(result, question) for question in result.questions("json_document")]
    found += [section for size in ("1 M", "64 k") if (section := memory_section(result, size))]
    if result.instructions and result.questions("mixed_sizes"):
        found.append(instruction_section(
            result, "Instructions per element of a container",
            "Of a container of a thousand that is built, churned once over, read and destroyed: two "
            "allocations and two frees for each, and the container's own work. Of the mixed sizes: an "
            "allocation or a free."))
    return found
