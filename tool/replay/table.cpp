// SPDX-License-Identifier: MIT
#include "replay/table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include "words.hpp"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace millpond::tool::replay {

namespace {

constexpr std::size_t columns = 80;
constexpr double mib = 1024.0 * 1024.0;

std::string painted(const std::string& text, const char* code, colour colours) {
    return colours == colour::on ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

/// Breaks a sentence at blanks so that no line leaves the terminal.
std::string wrapped(const std::string& text, std::size_t indent) {
    std::string out;
    std::string line;
    const auto flush = [&] {
        out += line + "\n";
        line = std::string(indent, ' ');
    };
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (line.find_first_not_of(' ') != std::string::npos &&
            line.size() + 1 + word.size() > columns) {
            flush();
        }
        if (!line.empty() && line.back() != ' ') {
            line += ' ';
        }
        line += word;
        for (; line.size() > columns;
             line = fmt::format("{:{}}{}", "", indent, line.substr(columns))) {
            out += line.substr(0, columns) + "\n"; // a word longer than a line
        }
    }
    flush();
    return out;
}

std::string range_of(const spread& s) {
    return fmt::format("{}-{}", figure(s.low), figure(s.high));
}

std::string name_of(const contender_summary& c, colour colours) {
    const std::string padded = fmt::format("{:<11.11}", c.name);
    return c.name == "millpond" ? painted(padded, "1", colours) : padded;
}

std::string ratio_text(const spread& value, const spread& base, colour colours) {
    const std::string text = fmt::format("{:>7}", ratio(value, base));
    if (same(value, base)) { // the baseline itself, too
        return painted(text, "2", colours);
    }
    return painted(text, value.median < base.median ? "32" : "31", colours);
}

std::string cost_table(const replay_record& replay, colour colours) {
    const contender_summary* base = replay.baseline();
    std::string out = painted(fmt::format("{:<11} {:>7} {:>15} {:>7} {:>9} {:>7} {:>9} {:>7}\n",
                                          "",
                                          "ns/op",
                                          "spread",
                                          "ratio",
                                          "peak MiB",
                                          "ratio",
                                          "faults",
                                          "major"),
                              "1",
                              colours);
    for (const contender_summary& c : replay.contenders) {
        if (c.rounds == 0) {
            out += fmt::format("{} {:>7}\n", name_of(c, colours), "failed");
            continue;
        }
        const spread& t = c.ns_per_operation;
        out += fmt::format("{} {:>7} {:>15} {} {:>9} {} {:>9} {:>7}\n",
                           name_of(c, colours),
                           figure(t.median),
                           range_of(t),
                           ratio_text(t, base->ns_per_operation, colours),
                           figure(c.peak_bytes.median / mib),
                           ratio_text(c.peak_bytes, base->peak_bytes, colours),
                           figure(c.minor_faults.median),
                           figure(c.major_faults.median));
    }
    return out;
}

std::string latency_table(const replay_record& replay, colour colours) {
    constexpr double shown[] = {50.0, 99.0, 99.9, 99.99, 100.0};
    std::string out = painted(fmt::format("{:<11} {:>8} {:>8} {:>8} {:>8} {:>9} {:>19}\n",
                                          "latency, ns",
                                          "p50",
                                          "p99",
                                          "p99.9",
                                          "p99.99",
                                          "max",
                                          "spread of max"),
                              "1",
                              colours);
    for (const contender_summary& c : replay.contenders) {
        if (c.rounds == 0) {
            continue;
        }
        std::string row = name_of(c, colours);
        for (const double percent : shown) {
            const spread* s = c.percentile(percent);
            row += fmt::format(
                " {:>{}}", s == nullptr ? "-" : figure(s->median), percent == 100.0 ? 9 : 8);
        }
        const spread* longest = c.percentile(100.0);
        row += fmt::format(" {:>19}\n", longest == nullptr ? "-" : range_of(*longest));
        out += row;
    }
    return out;
}

std::string notes(const replay_record& replay) {
    const contender_summary* base = replay.baseline();
    std::string out = wrapped(
        fmt::format("{}; ratio against {}{}. ns/op: user + system time, of which the "
                    "player itself is {} ns. Latency: wall time of the heap's call alone, with the "
                    "clock's own {} ns in it. Peak: resident memory above the player's own.",
                    replay.rounds == 1
                        ? "One round, which shows no spread: take the differences with care"
                        : fmt::format("Medians of {} rounds, spread lowest-highest", replay.rounds),
                    base->name,
                    replay.rounds == 1 ? ""
                                       : ", \"same\" where the difference is within the spread",
                    figure(replay.player.ns_per_operation.median),
                    figure(base->clock_ns.median)),
        0);
    const bool pooled =
        std::any_of(replay.contenders.begin(),
                    replay.contenders.end(),
                    [](const contender_summary& c) { return c.name == "millpond"; });
    if (pooled) {
        out += wrapped(
            fmt::format("millpond: {} with the sizes and peaks of this trace {} {:.1f} % of "
                        "the operations, malloc the rest; the pool of a block is known, as in a "
                        "program with typed pools, never looked up.",
                        counted(replay.plan.pools.size(), "pool"),
                        replay.plan.pools.size() == 1 ? "serves" : "serve",
                        100 * replay.coverage()),
            0);
    }
    if (replay.plan.threads > 1) {
        out += wrapped(fmt::format("The {} threads of the program were played on one, in the order "
                                   "in which things happened: no contention is measured.",
                                   replay.plan.threads),
                       0);
    }
    return out;
}

} // namespace

colour colour_for(int descriptor) {
    const char* unwanted = std::getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): one thread
    return isatty(descriptor) == 1 && (unwanted == nullptr || *unwanted == '\0') ? colour::on
                                                                                 : colour::off;
}

std::string figure(double value) {
    if (std::abs(value) >= 9'999'999.5) {
        return fmt::format("{:.3g}M", value / 1e6);
    }
    if (std::abs(value) >= 99.95) {
        return fmt::format("{:.0f}", value);
    }
    if (value == 0) {
        return "0";
    }
    return fmt::format("{:.{}f}", value, std::abs(value) >= 9.995 ? 1 : 2);
}

std::string ratio(const spread& value, const spread& base) {
    if (&value == &base) {
        return "1";
    }
    if (same(value, base)) {
        return "same";
    }
    return base.median == 0 ? "-" : figure(value.median / base.median);
}

std::string render_table(const replay_record& replay, colour colours) {
    std::string out = fmt::format("{}\n", painted(replay.program(columns), "1", colours));
    const plan_facts& p = replay.plan;
    out += wrapped(fmt::format("{} operations: {} allocations, {} reallocations, {} frees; at most "
                               "{} blocks and {} MiB live; largest {} bytes",
                               grouped(p.operations),
                               grouped(p.allocations),
                               grouped(p.reallocations),
                               grouped(p.frees),
                               grouped(p.peak_live_blocks),
                               figure(static_cast<double>(p.peak_live_bytes) / mib),
                               grouped(p.largest_bytes)),
                   0);
    if (replay.baseline() != nullptr) {
        out += fmt::format("\n{}\n{}\n{}",
                           cost_table(replay, colours),
                           latency_table(replay, colours),
                           notes(replay));
    }
    for (const contender_summary& c : replay.contenders) {
        if (!c.failure.empty()) {
            out += painted(wrapped(fmt::format("failed: {}", c.failure), 8), "31", colours);
        }
    }
    if (!replay.missing.empty()) {
        out +=
            wrapped(fmt::format("not installed, left out: {}", fmt::join(replay.missing, ", ")), 0);
    }
    return out;
}

} // namespace millpond::tool::replay
