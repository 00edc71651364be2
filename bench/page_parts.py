# SPDX-License-Identifier: MIT
"""What sections of the page are made of: charts and tables of one question."""
from figures import OURS, Spread, number

PERCENTILES = [("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99),
               ("p99.999", 99.999), ("max", 100)]


def fastest_first(spreads):
    return sorted(spreads, key=lambda name: spreads[name].middle)


def bars(spreads, unit, log, label):
    names = fastest_first(spreads)
    return {"kind": "bars", "unit": unit, "log": log, "categories": names,
            "series": [{"name": label, "values": [spreads[n].middle for n in names],
                        "low": [spreads[n].low for n in names],
                        "high": [spreads[n].high for n in names]}]}


def log_needed(spreads):
    middles = [s.middle for s in spreads.values()]
    return max(middles) > 12 * max(min(middles), 1e-9)


def figure_section(result, question, figure, heading, text, unit="ns per block", log=None,
                   ours=OURS):
    spreads = result.spreads(question, figure)
    return {"heading": heading, "text": f"{text} Millpond is {result.verdict(spreads, ours)}.",
            "chart": bars(spreads, unit, log_needed(spreads) if log is None else log, "time"),
            "table": None}


def instruction_section(result, heading, text):
    titles = list(dict.fromkeys(t for row in result.instructions for t in row["instructions"]))
    rows = [[row["contender"]] + [row["instructions"].get(t) for t in titles]
            for row in result.instructions]
    return {"heading": heading, "chart": None,
            "text": f"{text} Counted by callgrind as the difference between N and 2 N operations; free "
                    "of noise.",
            "table": {"columns": ["instructions"] + titles, "rows": rows}}


def latency_section(result, question, operation, shown):
    series, rows = [], []
    spreads = {label: result.spreads(question, f"{operation} {label}") for label, _ in PERCENTILES}
    for name in spreads["p50"]:
        values = [spreads[label][name].middle for label, _ in PERCENTILES]
        rows.append([name] + values)
        if name in shown:
            series.append({"name": name, "points": [[p, v] for (_, p), v in
                                                    zip(PERCENTILES, values)]})
    clock = [Spread.of([v for row in result.rows if row["question"] == question
                        for v in row["figures"].get(f"clock {label}", [])])
             for label in ("p50", "p99")]
    return {"heading": f"{question[0].upper()}{question[1:]}: {operation}",
            "text": "Single calls, timed with the time-stamp counter and fences, wall time. The "
                    f"clock's own {number(clock[0].middle)} ns (p99: {number(clock[1].middle)} ns) "
                    "are in every figure. The machine's interrupts are in the last columns, for "
                    "everyone.",
            "chart": {"kind": "percentiles", "unit": "ns", "series": series},
            "table": {"columns": ["ns"] + [label for label, _ in PERCENTILES], "rows": rows}}
