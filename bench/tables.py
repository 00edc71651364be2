# SPDX-License-Identifier: MIT
"""The tables of docs/benchmarks.md: every pattern at 64 bytes, a few peers, and the best of all peers; and
the short one of the README: eight rows, among them the one where millpond loses most."""
from figures import (OURS, OURS_BY_PMR, OURS_CROWDS, OURS_IN_CONTAINERS, OURS_SHARED, REFERENCE, number,
                     time_text)


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


# The same for several threads. The thread's own start and end are in a thread's life.
SHARED_ROWS = [
    ("local_bursts", "time", "each thread its own bursts of 1,000, 2 threads", number),
    ("hand_off", "time", "one allocates, another frees, a ring between them", number),
    ("exchange", "time", "random exchange, 2 threads", number),
    ("thread_lives", "time", "threads that come and go: one life", time_text),
    ("thread_lives", "growth", "memory grown over 9,000 such lives", lambda v: f"{v / 1024:,.0f} KiB"),
]
SHARED_COLUMNS = [("floor", "floor"), (OURS_SHARED, "millpond"), (REFERENCE, "`block_pool`, one each"),
                  ("textbook list, mutex", "textbook + mutex"),
                  ("boost::lockfree free list", "`boost::lockfree`"),
                  ("DPDK rte_mempool", "DPDK"), ("pmr synchronized", "std::pmr"), ("glibc", "glibc"),
                  ("mimalloc", "mimalloc")]

# And in containers. The last of each row: whether more is worse because it takes memory.
CONTAINER_ROWS = [
    ("list, 64 k", "build", "std::list of 64 k: insert", False),
    ("list, 64 k", "clear", "the same: destroy, per element", False),
    ("map, 64 k", "churn", "std::map of 64 k: erase one, insert one", False),
    ("map, 1 M", "churn", "std::map of 1 M: the same", False),
    ("unordered_map, 64 k", "churn", "std::unordered_map of 64 k: the same", False),
    ("mixed sizes, a recorded program", "time", "mixed sizes: one event of a recorded program", False),
    ("JSON document of 200,000 values", "time", "JSON: parse, walk and destroy, per value", False),
    ("map, 1 M", "churned bytes", "memory of the std::map of 1 M, bytes per element", True),
    ("mixed sizes, a recorded program", "peak", "memory of the recorded program, per byte live", True),
]
CONTAINER_COLUMNS = [("floor (monotonic buffer)", "floor"), (OURS_IN_CONTAINERS, "millpond"),
                     (OURS_BY_PMR, "millpond, pmr"), ("pmr unsynchronized", "std::pmr"),
                     ("Boost.Container unsynchronized", "Boost pmr"),
                     ("foonathan pool_collection", "foonathan"), ("glibc", "glibc"),
                     ("mimalloc", "mimalloc"), ("tcmalloc", "tcmalloc")]


def marked(verdict):
    return f"**{verdict}**" if " behind " in verdict else verdict


def head(first, columns):
    return [f"| {first} | " + " | ".join(title for _, title in columns) +
            " | millpond against the best of all peers |", "|---|" + "---:|" * len(columns) + "---|"]


def source(result, more):
    machine, build = result.data["machine"], result.data["build"]
    return (f"Median of {result.data['repetitions']} interleaved repetitions, each in a fresh process"
            f"{more}, on {machine['processor']}, {machine['cores']} shared cores; "
            f"{build['compiler']}; commit {result.data['commit']}.")


def crowd_rows(result, question, figure, title):
    """A row for each of our pools that can be iterated; object_pool's walk goes without its name."""
    spreads = result.spreads(question, figure)
    floor = spreads.get("floor (dense array)")
    for ours in OURS_CROWDS:
        if ours in spreads:
            unnamed = figure == "time" and ours == OURS_CROWDS[0]
            name = "" if unnamed else f", `{ours.removeprefix('millpond ').split(' (')[0]}`"
            yield (f"| {title}{name} | {number(floor.middle if floor else None)} | "
                   f"{number(spreads[ours].middle)} |" + " – |" * (len(COLUMNS) - 2) +
                   f" {marked(result.verdict(spreads, ours))} |")


def one_thread_table(result):
    present = {row["question"] for row in result.rows}
    lines = head("64-byte blocks, ns per block", COLUMNS)
    for question, figure, title, write in ROWS:
        if question not in present:
            continue
        spreads = result.spreads(question, figure)
        cells = [write(spreads[name].middle) if name in spreads else "–" for name, _ in COLUMNS]
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {marked(result.verdict(spreads))} |")
    for question in result.questions("iterate"):
        lines += crowd_rows(result, question, "time", f"{question} of 1 M")
    for question in result.questions("insert_erase"):
        if "50 %" not in question:
            continue  # the page has them all
        for figure in ("insert", "erase"):
            title = question.replace("insert and erase", figure) + " of 1 M"
            lines += crowd_rows(result, question, figure, title)
    most = min(5, result.data["repetitions"])
    lines += ["", source(result, f" ({most} for 4 M)") +
              " \"Same\": the difference lies within the spread. " + CHECKED]
    return lines


def several_threads_table(result):
    lines = head("several threads, 64-byte blocks, ns", SHARED_COLUMNS)
    for pattern, figure, title, write in SHARED_ROWS:
        for question in result.questions(pattern):
            if question.endswith((" threads", " thread")) and not question.endswith(" 2 threads"):
                continue
            spreads = result.spreads(question, figure)
            cells = [write(spreads[name].middle) if name in spreads else "–"
                     for name, _ in SHARED_COLUMNS]
            verdict = marked(result.verdict(spreads, OURS_SHARED)) if figure == "time" else "–"
            lines.append(f"| {title} | " + " | ".join(cells) + f" | {verdict} |")
    lines += ["", source(result, "") + " All frees checked, as above."]
    return lines


def memory_verdict(result, spreads, ours):
    """Against the leanest; two per cent are nothing."""
    compared = result.against_best(spreads, ours)
    if compared is None:
        return "–"
    ratio, leanest, _ = compared
    if abs(ratio - 1) < 0.02:
        return f"as lean as {leanest}"
    if ratio < 1:
        return f"leaner than all, 1/{number(1 / ratio)} of {leanest}"
    return f"**{number(ratio)} times {leanest}**"


def containers_table(result):
    lines = head("containers, one thread, ns", CONTAINER_COLUMNS)
    for question, figure, title, is_memory in CONTAINER_ROWS:
        spreads = result.spreads(question, figure, 0)
        if not spreads:
            continue
        cells = [number(spreads[name].middle) if name in spreads else "–"
                 for name, _ in CONTAINER_COLUMNS]
        verdict = (memory_verdict(result, spreads, OURS_IN_CONTAINERS) if is_memory
                   else marked(result.verdict(spreads, OURS_IN_CONTAINERS)))
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {verdict} |")
    lines += ["", source(result, " (5 for 1 M)") +
              " *millpond* is `pool_resource` through `pool_allocator`, and so is the verdict; *pmr* is "
              "the same resource through the standard's virtual interface. All frees checked, as above."]
    return lines


CHECKED = "Millpond checks every free here; of the peers, only the C heaps check anything."

# Question, which pool of ours, figure, what the reader calls it, size of a block, how a value is written.
SHORT_ROWS = [
    ("pair", OURS, "time", "allocate, touch and free a block", 64, number),
    ("churn, 64 k live", OURS, "time", "one block goes, another comes, 64 k live", 64, number),
    ("shuffled free and refill, 4 M", OURS, "free", "free 4 M in shuffled order", 64, number),
    ("shuffled free and refill, 4 M", OURS, "refill", "allocate 4 M again after that", 64, number),
    ("worst call in a growth to 4 M", OURS, "worst", "worst allocation while growing to 4 M", 64, time_text),
    ("iterate, 10 % alive", OURS_CROWDS[0], "time", "walk an `object_pool`, 10 % alive", 64, number),
    ("random exchange, 2 threads", OURS_SHARED, "time", "two threads exchange blocks", 64, number),
    ("map, 1 M", OURS_IN_CONTAINERS, "churn", "std::map of 1 M: erase one, insert one", 0, number),
]


def short_table(results):
    """A row says who the best peer is and what it takes."""
    lines = ["| ns per block of 64 bytes | millpond | best peer | glibc | millpond against the best of all peers |",
             "|---|---:|---:|---:|---|"]
    for question, ours, figure, title, block_bytes, write in SHORT_ROWS:
        for result in results:
            spreads = result.spreads(question, figure, block_bytes)
            if ours not in spreads:
                continue
            glibc = write(spreads["glibc"].middle) if "glibc" in spreads else "–"
            best = spreads[result.best_peer(spreads)]
            lines.append(f"| {title} | {write(spreads[ours].middle)} | {write(best.middle)} | {glibc} | "
                         f"{marked(result.verdict(spreads, ours))} |")
    lines += ["", source(results[0], "") + " \"Same\": the difference lies within the spread. " + CHECKED]
    return lines


def all_tables(results):
    lines = []
    for result in results:
        if result.questions("pair"):
            lines += one_thread_table(result)
        if result.questions("hand_off"):
            lines += ([""] if lines else []) + several_threads_table(result)
        if result.questions("mixed_sizes"):
            lines += ([""] if lines else []) + containers_table(result)
    return lines


# What a file has between markers of these names.
KINDS = {"benchmark table": short_table, "benchmark tables": all_tables}


def markers(kind):
    return f"<!-- {kind}: begin -->", f"<!-- {kind}: end -->"


def with_tables(text, results):
    """The text with what is between its markers replaced; ValueError when it has none."""
    found = False
    for kind, table in KINDS.items():
        begin, end = markers(kind)
        if begin in text and end in text.split(begin, 1)[1]:
            before, rest = text.split(begin, 1)
            text = before + begin + "\n" + "\n".join(table(results)) + "\n" + end + rest.split(end, 1)[1]
            found = True
    if not found:
        raise ValueError("no markers like " + markers("benchmark table")[0] + " are there")
    return text
