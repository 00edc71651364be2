# SPDX-License-Identifier: MIT
"""The figures of one result: medians, spreads, and who is ahead of whom."""
from dataclasses import dataclass
from statistics import median

OURS = "millpond block_pool"
OURS_SHARED = "millpond concurrent_block_pool"
OURS_CROWDS = ["millpond object_pool (iteration)", "millpond handle_pool"]
REFERENCE = "millpond block_pool, one per thread"
# In containers: what the compiler can see through, against everybody; and the same resource behind the
# standard's virtual interface, against who is called that way.
OURS_IN_CONTAINERS = "millpond pool_allocator"
OURS_BY_PMR = "millpond pmr"


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of the repetitions."""
    middle: float
    low: float
    high: float

    @staticmethod
    def of(values):
        return Spread(median(values), min(values), max(values))

    def same_as(self, other):
        """Whether the difference lies within the spread of either."""
        return (other.low <= self.middle <= other.high or self.low <= other.middle <= self.high)


def is_peer(name):
    return not name.startswith(("millpond", "floor"))


def called_virtually(name):
    """Whether a container reaches it through a memory_resource, the standard's or Boost's."""
    return name.startswith(("millpond pmr", "pmr ", "Boost.Container "))


def number(value):
    """Three significant digits, with a thin hand."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def time_text(ns):
    """A time in the unit that suits it."""
    for scale, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if ns >= scale:
            return f"{number(ns / scale)} {unit}"
    return f"{number(ns)} ns"


class Result:
    """A result file, indexed."""

    def __init__(self, data):
        self.data = data
        self.contenders = [one["name"] for one in data["contenders"]]
        self.rows = data["results"]
        self.instructions = data.get("instructions", [])

    def questions(self, pattern):
        """Names of the pattern's questions, in order."""
        return list(dict.fromkeys(r["question"] for r in self.rows if r["pattern"] == pattern))

    def sizes(self, question):
        return sorted({r["bytes"] for r in self.rows if r["question"] == question})

    def spreads(self, question, figure="time", block_bytes=64):
        """Spread by contender, in the order in which contenders are listed."""
        return {r["contender"]: Spread.of(r["figures"][figure]) for r in self.rows
                if r["question"] == question and r["bytes"] == block_bytes
                and r["figures"].get(figure)}

    def failures(self):
        return [(r["contender"], r["question"], r["bytes"], r["failure"]) for r in self.rows
                if "failure" in r]

    @staticmethod
    def best_peer(spreads):
        """The fastest contender that is neither millpond nor the floor."""
        peers = {name: s for name, s in spreads.items() if is_peer(name)}
        return min(peers, key=lambda name: peers[name].middle) if peers else None

    def against_best(self, spreads, ours=OURS):
        """(ratio to the best peer, its name, whether that is within the spread)."""
        best = self.best_peer(spreads)
        if best is None or ours not in spreads:
            return None
        mine, theirs = spreads[ours], spreads[best]
        return mine.middle / theirs.middle, best, mine.same_as(theirs)

    def verdict(self, spreads, ours=OURS):
        compared = self.against_best(spreads, ours)
        if compared is None:
            return "–"
        ratio, best, same = compared
        if same:
            return f"same as {best}"
        if ratio < 1:
            return f"{number(1 / ratio)}x ahead of {best}"
        return f"{number(ratio)}x behind {best}"
