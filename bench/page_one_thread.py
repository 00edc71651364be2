# SPDX-License-Identifier: MIT
"""The page's sections about pools for one thread: each question, with the figures of every size."""
from figures import OURS, OURS_CROWDS, number, time_text
from page_parts import (bars, fastest_first, figure_section, instruction_section, latency_section,
                        log_needed)

# Shown in the percentile plots; more lines than these cannot be told apart.
LATENCY_SERIES = ["floor", OURS, "textbook list", "Boost.Pool pool", "pmr unsynchronized", "glibc",
                  "jemalloc", "mimalloc", "tcmalloc"]


def size_table(result, question, figure="time"):
    sizes = result.sizes(question)
    by_size = {size: result.spreads(question, figure, size) for size in sizes}
    names = fastest_first(by_size[64])
    rows = [[name] + [by_size[size][name].middle if name in by_size[size] else None
                      for size in sizes] for name in names]
    best = []
    for column, size in enumerate(sizes, 1):
        winner = result.best_peer(by_size[size])
        best += [[names.index(winner), column]] if winner in names else []
    return {"columns": ["ns per block"] + [f"{size} bytes" for size in sizes], "rows": rows,
            "best": best, "note": "Medians; the best peer of each size is marked."}


def hot_section(result, question, text):
    spreads = result.spreads(question)
    return {"heading": question[0].upper() + question[1:],
            "text": f"{text} Millpond is {result.verdict(spreads)}.",
            "chart": bars(spreads, "ns per block, 64 bytes", log_needed(spreads), "time"),
            "table": size_table(result, question)}


def hot_sections(result):
    texts = {
        "pair": "One block is allocated, touched and freed, again and again: the hot path.",
        "burst_reverse": "A thousand blocks are allocated and touched, then freed newest first.",
        "burst_in_order": "A thousand blocks are allocated and touched, then freed oldest first.",
        "churn": "1 to 32 random victims are read and freed, and as many newcomers allocated and "
                 "touched; the rest stays live.",
    }
    return [hot_section(result, question, text) for pattern, text in texts.items()
            for question in result.questions(pattern)]


def large_sections(result):
    sections = []
    for question in result.questions("refill"):
        sections += [
            figure_section(result, question, "refill", "Refill after a shuffled free of 4 M",
                           "Four million blocks were freed in random order; now all are allocated "
                           "again. A free list inside the blocks is a chain of cache misses now."),
            figure_section(result, question, "walk", "Walk in allocation order after that",
                           "The user's own loop: blocks are read in the order of allocation."),
            figure_section(result, question, "free", "The shuffled free itself",
                           "Every block is read and freed in random order. Metadata out of band "
                           "is one more cache line to miss: this is the price."),
        ]
    return sections


def crowd_sections(result):
    """What can be iterated: both of our pools are compared, each with the best peer."""
    sections = []
    for question in result.questions("iterate"):
        spreads = result.spreads(question)
        verdicts = " ".join(f"{name} is {result.verdict(spreads, name)}."
                            for name in OURS_CROWDS if name in spreads)
        sections.append({
            "heading": question[0].upper() + question[1:],
            "text": "A million objects of 64 bytes were made, the rest destroyed at random; the "
                    f"first word of each that is alive is read. {verdicts}",
            "chart": bars(spreads, "ns per live object", log_needed(spreads), "time"),
            "table": None})
    for question in result.questions("insert_erase"):
        for figure, what in (("erase", "destroyed, at random"), ("insert", "created")):
            spreads = result.spreads(question, figure)
            verdicts = " ".join(f"{name} is {result.verdict(spreads, name)}."
                                for name in OURS_CROWDS if name in spreads)
            sections.append({
                "heading": f"{question[0].upper()}{question[1:]}: {figure}",
                "text": f"Of the same crowds a fiftieth of the places is {what}. {verdicts}",
                "chart": bars(spreads, "ns per object", log_needed(spreads), figure),
                "table": None})
    return sections


def start_sections(result):
    sections = []
    for question in result.questions("growth_pause"):
        sections.append(figure_section(
            result, question, "worst", "Growth to 4 M: the worst single allocation",
            "Pools start small and grow; the longest call counts, without the time for which the "
            "process was descheduled.", "ns", True))
    for question in result.questions("growth"):
        sections.append(figure_section(
            result, question, "time", "Growth to 4 M: all of it",
            "CPU time per block, the page faults of the first touch included."))
    for question in result.questions("start_up") + result.questions("start_up_prefaulted"):
        construct = result.spreads(question, "construct")
        first = result.spreads(question, "first")
        touching = result.spreads(question, "touching_pages")
        rows = [[name, time_text(construct[name].middle), time_text(first[name].middle),
                 time_text(touching[name].middle) if name in touching else "–"]
                for name in construct]
        sections.append({
            "heading": question[0].upper() + question[1:], "chart": None,
            "text": "Wall time of the constructor and of the first allocation after it. Touching: "
                    "mapping as many bytes and writing one to each page, which nobody can beat "
                    "with prefaulting and standard pages.",
            "table": {"columns": ["", "construct", "first allocation", "touching the pages"],
                      "rows": rows}})
    return sections


def memory_section(result):
    questions = result.questions("memory")
    columns = [f"{kind}, {question.split(', ')[1]}" for kind in ("overhead", "kept")
               for question in questions]
    cells = [result.spreads(question, kind) for kind in ("overhead", "kept")
             for question in questions]
    names = dict.fromkeys(name for by_name in cells for name in by_name)
    rows = [[name] + [by_name[name].middle if name in by_name else None for by_name in cells]
            for name in names]
    return {"heading": "Memory, 64-byte blocks", "chart": None,
            "text": "Overhead: resident bytes per block beyond its 64; a heap that had memory in hand "
                    "before shows less than nothing. Kept: resident bytes per "
                    "live block after 90 % were freed at random and the library was asked to give "
                    "memory back. A page of 64 blocks keeps at least one of them live nearly "
                    "always, so little can come back, from anyone.",
            "table": {"columns": ["bytes per block"] + columns, "rows": rows}}


def comparisons(result):
    """Every question with every figure that is a time per block: title, spreads, which is ours."""
    for pattern in ("pair", "burst_reverse", "burst_in_order", "churn"):
        for question in result.questions(pattern):
            for size in result.sizes(question):
                yield f"{question}, {size} bytes", result.spreads(question, "time", size), OURS
    for question in result.questions("refill"):
        for figure in ("free", "refill", "walk"):
            yield f"{question}: {figure}", result.spreads(question, figure), OURS
    for question in result.questions("growth_pause"):
        yield question, result.spreads(question, "worst"), OURS
    for question in result.questions("growth"):
        yield question, result.spreads(question), OURS
    for question in result.questions("start_up"):
        yield f"{question}: ready", result.spreads(question, "ready"), OURS
    for ours in OURS_CROWDS:
        for question in result.questions("iterate"):
            yield f"{question}, {ours}", result.spreads(question), ours
        for question in result.questions("insert_erase"):
            for figure in ("insert", "erase"):
                yield f"{question}: {figure}, {ours}", result.spreads(question, figure), ours


def sections(result):
    found = (hot_sections(result) + large_sections(result) + crowd_sections(result) +
             start_sections(result))
    for pattern in ("latency_churn", "latency_refill"):
        for question in result.questions(pattern):
            found += [latency_section(result, question, operation, LATENCY_SERIES)
                      for operation in ("allocate", "free")]
    if result.questions("memory"):
        found.append(memory_section(result))
    if result.instructions and result.questions("pair"):
        found.append(instruction_section(
            result, "Instructions per block, 64 bytes",
            "Allocation, touch, read, free and the loop."))
    return found
