# SPDX-License-Identifier: MIT
"""The page's sections about pools that several threads share."""
from figures import OURS_SHARED, REFERENCE, number, time_text
from page_parts import fastest_first, figure_section, latency_section

LATENCY_SERIES = ["floor", OURS_SHARED, "textbook list, mutex", "boost::lockfree free list",
                  "pmr synchronized", "DPDK rte_mempool", "glibc", "jemalloc", "mimalloc", "tcmalloc"]

TEXTS = {
    "local_bursts": "Every thread allocates a thousand blocks, touches and frees them, oldest first; "
                    "none sees a block of another.",
    "hand_off": "One thread allocates and touches, a bounded ring carries the address, another reads "
                "and frees. The ring is in every figure: the floor's blocks are there already, and "
                "its second form brings them back through a ring of their own, as one would by hand.",
    "exchange": "Every thread holds a thousand blocks, and as many lie in slots that all share. A step "
                "swaps one with a random slot, frees what it got and allocates a new one. Each "
                "swap moves a block's cache line, for the floor too.",
}


def reference_text(result, question):
    """What is lost against the pool for one thread, where threads keep to themselves."""
    spreads = result.spreads(question)
    if OURS_SHARED not in spreads or REFERENCE not in spreads:
        return ""
    ratio = spreads[OURS_SHARED].middle / spreads[REFERENCE].middle
    return f" A pool for one thread, one in each, takes 1/{number(ratio)} of that."


def lives_section(result, question):
    time, growth = result.spreads(question), result.spreads(question, "growth")
    rows = [[name, time_text(time[name].middle), f"{growth[name].middle / 1024:,.0f} KiB"]
            for name in sorted(time, key=lambda name: time[name].middle)]
    return {"heading": "Threads that come and go", "chart": None,
            "text": "Two threads live at a time, allocate, swap, free each other's blocks, leave some "
                    "to the next two and end. Time: wall time per life, the thread's own start and "
                    "end included, which is most of it. Growth: resident memory at the end less "
                    "that after the first tenth of the lives.",
            "table": {"columns": ["", "time per life", "growth"], "rows": rows}}


def comparisons(result):
    """Every question whose figure is a time: title, spreads, which is ours."""
    for pattern in ("local_bursts", "hand_off", "exchange", "thread_lives"):
        for question in result.questions(pattern):
            yield question, result.spreads(question), OURS_SHARED
    for question in result.questions("latency_shared"):
        for operation in ("allocate", "free"):
            for label in ("p50", "p99", "p99.9"):
                yield (f"{question}: {operation}, {label}",
                       result.spreads(question, f"{operation} {label}"), OURS_SHARED)


def thread_table(result, questions):
    """Every contender with every number of threads that was asked for."""
    columns = [result.spreads(question) for question in questions]
    rows = [[name] + [spreads[name].middle if name in spreads else None for spreads in columns]
            for name in fastest_first(columns[-1])]
    return {"columns": ["ns per block"] + [question.rsplit(", ", 1)[1] for question in questions],
            "rows": rows,
            "note": "Medians. With perfect scaling a row is the same number throughout."}


def sections(result):
    found = []
    for pattern, text in TEXTS.items():
        questions = result.questions(pattern)
        # Two threads are always asked; fewer and more are in the table.
        for question in [one for one in questions if len(questions) == 1 or ", 2 " in one]:
            section = figure_section(result, question, "time", f"Several threads: {question}",
                                     text + reference_text(result, question), ours=OURS_SHARED)
            if len(questions) > 1:
                section["table"] = thread_table(result, questions)
            found.append(section)
    for question in result.questions("thread_lives"):
        found.append(lives_section(result, question))
    for question in result.questions("latency_shared"):
        found += [latency_section(result, question, operation, LATENCY_SERIES)
                  for operation in ("allocate", "free")]
    return found
