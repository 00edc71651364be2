// SPDX-License-Identifier: MIT
#include "replay/report_page.hpp"

#include <millpond/millpond.hpp>

#include <algorithm>
#include <string_view>

#include "replay/machine.hpp"
#include "replay/player_loop.hpp"
#include "replay/pool_choice.hpp"
#include "replay/table.hpp"
#include "words.hpp"
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace millpond::tool::replay {

namespace {

using nlohmann::json;

constexpr double mib = 1024.0 * 1024.0;

std::vector<const contender_summary*> finished(const replay_record& replay) {
    std::vector<const contender_summary*> all;
    for (const contender_summary& c : replay.contenders) {
        if (c.rounds > 0) {
            all.push_back(&c);
        }
    }
    return all;
}

/// Bars of one quantity, one bar a contender.
template <class Quantity>
json bars(const replay_record& replay, const std::string& unit, double divisor, Quantity quantity) {
    json chart = {{"kind", "bars"}, {"unit", unit}, {"log", false}, {"categories", json::array()}};
    json series = {
        {"name", unit}, {"values", json::array()}, {"low", json::array()}, {"high", json::array()}};
    for (const contender_summary* c : finished(replay)) {
        const spread& s = c->*quantity;
        chart["categories"].push_back(c->name);
        series["values"].push_back(s.median / divisor);
        series["low"].push_back(s.low / divisor);
        series["high"].push_back(s.high / divisor);
    }
    chart["series"] = json::array({std::move(series)});
    return chart;
}

json percentile_chart(const replay_record& replay) {
    json series = json::array();
    for (const contender_summary* c : finished(replay)) {
        json points = json::array();
        for (const auto& [percent, value] : c->percentiles_ns) {
            points.push_back({percent, value.median});
        }
        series.push_back({{"name", c->name}, {"points", std::move(points)}});
    }
    return {{"kind", "percentiles"}, {"unit", "ns"}, {"series", std::move(series)}};
}

/// The row whose `column` is smallest; ties and differences within the spread have no winner.
template <class Quantity>
json winner(const replay_record& replay, std::size_t column, Quantity quantity) {
    const auto all = finished(replay);
    json best = json::array();
    for (std::size_t row = 0; row < all.size(); ++row) {
        const bool wins = std::all_of(all.begin(), all.end(), [&](const contender_summary* other) {
            return other == all[row] || ((all[row]->*quantity).median < (other->*quantity).median &&
                                         !same(all[row]->*quantity, other->*quantity));
        });
        if (wins && all.size() > 1) {
            best.push_back({row, column});
        }
    }
    return best;
}

json cost_table(const replay_record& replay) {
    const contender_summary* base = replay.baseline();
    json rows = json::array();
    for (const contender_summary* c : finished(replay)) {
        const spread& t = c->ns_per_operation;
        rows.push_back({c->name,
                        figure(t.median),
                        figure(t.low) + "–" + figure(t.high),
                        ratio(t, base->ns_per_operation),
                        figure(c->wall_ns_per_operation.median)});
    }
    return {
        {"columns",
         {"allocator", "ns per operation", "lowest–highest", "against " + base->name, "wall ns"}},
        {"rows", std::move(rows)},
        {"best", winner(replay, 1, &contender_summary::ns_per_operation)},
        {"note",
         "“same”: one median lies inside the other's lowest–highest range. Underlined: the best, "
         "where it is not the same as another."}};
}

json memory_table(const replay_record& replay) {
    const contender_summary* base = replay.baseline();
    json rows = json::array();
    for (const contender_summary* c : finished(replay)) {
        rows.push_back({c->name,
                        figure(c->peak_bytes.median / mib),
                        figure(c->peak_bytes.low / mib) + "–" + figure(c->peak_bytes.high / mib),
                        ratio(c->peak_bytes, base->peak_bytes),
                        c->minor_faults.median,
                        c->major_faults.median});
    }
    return {{"columns",
             {"allocator",
              "peak MiB",
              "lowest–highest",
              "against " + base->name,
              "minor faults",
              "major faults"}},
            {"rows", std::move(rows)},
            {"best", winner(replay, 1, &contender_summary::peak_bytes)}};
}

json pool_table(const replay_record& replay) {
    json rows = json::array();
    const double all =
        static_cast<double>(std::max<std::uint64_t>(replay.plan.counted_operations, 1));
    for (const pool_spec& pool : replay.plan.pools) {
        const double part = 100.0 * static_cast<double>(pool.operations) / all;
        const std::uint64_t bytes = pool.block_bytes * pool.capacity;
        rows.push_back({fmt::format("{} bytes", pool.block_bytes),
                        pool.capacity,
                        figure(static_cast<double>(bytes) / mib),
                        pool.operations,
                        fmt::format("{:.2f} %", part)});
    }
    return {{"columns", {"block", "capacity", "MiB", "operations", "part of all"}},
            {"rows", std::move(rows)},
            {"note", "A realloc counts twice: where its block comes from and where it goes."}};
}

json section(const std::string& heading, const std::string& text, json chart, json table) {
    return {{"heading", heading},
            {"text", text},
            {"chart", std::move(chart)},
            {"table", std::move(table)}};
}

bool plays_millpond(const replay_record& replay) {
    return std::any_of(replay.figures.begin(),
                       replay.figures.end(),
                       [](const contender_figures& f) { return f.who.heap == "pools"; });
}

std::string how_it_was_measured(const replay_record& replay) {
    return fmt::format(
        "The recorded sequence of heap calls was played {} by every allocator, in turn (A B C, "
        "A B C, …), each time in a fresh process and twice: once for the time, once with a clock "
        "around every call. A new block is written in its first {} bytes, in one byte of every {} "
        "and "
        "in its last; before it is freed or resized its first 8 bytes are read. A checksum over "
        "what "
        "was read proves that every allocator did the same work and lost nothing.\n\n"
        "Time is user and system time of the whole play, page faults included, and the work of the "
        "player itself: {} ns per operation when there is no heap at all. Latency is the wall time "
        "of "
        "the heap's call alone, with the clock's own {} ns in it; the touch of a new block, and so "
        "most page faults, lie outside. Peak memory is the most that was resident at once (VmHWM) "
        "less "
        "what the player held before the first operation.",
        replay.rounds == 1 ? "once" : fmt::format("{} times", replay.rounds),
        touched_head_bytes,
        touched_page_bytes,
        figure(replay.player.ns_per_operation.median),
        figure(replay.baseline()->clock_ns.median));
}

std::string honest_notes(const replay_record& replay) {
    std::string text =
        "A replay is not the program: the program's own work between two heap calls is missing, so "
        "the caches belong to the allocator more than they would, and the locality of the "
        "program's "
        "own data, where an allocator can help most, shows only in part.";
    if (plays_millpond(replay)) {
        text +=
            "\n\nmillpond knows each block's pool, as a program with typed pools does, and looks "
            "no size up; the general allocators must. Its capacities are the peaks of this very "
            "trace, as somebody sets them who sizes pools from a profile; another run of the "
            "program may need more. Its pools are built inside the measured time. "
            "millpond-mr, one pool_resource for all sizes, knows nothing of the trace, and "
            "looks each size up as the general allocators do; unlike them it is told the size at "
            "each free.";
    }
    text +=
        fmt::format("\n\nThe process had {} thread{}. {}",
                    replay.plan.threads,
                    replay.plan.threads == 1 ? "" : "s",
                    replay.plan.threads == 1
                        ? "It was played on one."
                        : "They were played on one, in the order in which things happened: what "
                          "contention and blocks freed by another thread cost is not measured.");
    if (!replay.cut_reason.empty()) {
        text += fmt::format("\n\nThe trace ends early ({}): this is the program's beginning.",
                            replay.cut_reason);
    }
    for (const contender_summary& c : replay.contenders) {
        if (!c.failure.empty()) {
            text += "\n\nFailed: " + c.failure + ".";
        }
    }
    if (!replay.missing.empty()) {
        text +=
            "\n\nNot installed, left out: " + fmt::format("{}", fmt::join(replay.missing, ", ")) +
            ".";
    }
    return text;
}

bool is_ours(const contender_summary& c) {
    return c.name == "millpond" || c.name == "millpond-mr";
}

/// One half of the headline: `ours` against the best of `others`, and against the baseline where that
/// is another one.
std::string against_best(const contender_summary& ours,
                         const std::vector<const contender_summary*>& others,
                         const contender_summary& baseline,
                         spread contender_summary::*quantity,
                         std::string_view noun,
                         std::string_view best_word) {
    const contender_summary& best = **std::min_element(
        others.begin(), others.end(), [&](const contender_summary* a, const contender_summary* b) {
            return (a->*quantity).median < (b->*quantity).median;
        });
    const auto times = [&](const contender_summary& other) {
        const double base = (other.*quantity).median;
        return base == 0 ? "?" : figure((ours.*quantity).median / base);
    };
    std::string text = same(ours.*quantity, best.*quantity)
                           ? fmt::format("the same {} as {} (within the spread)", noun, best.name)
                           : fmt::format("{} times the {} of {}", times(best), noun, best.name);
    if (others.size() > 1) {
        text += fmt::format(", the {} of the others", best_word);
    }
    if (&best != &baseline && !is_ours(baseline)) {
        text += fmt::format(" ({} times that of {})", times(baseline), baseline.name);
    }
    return text;
}

/// How millpond did against the best allocator of the run, whichever that is.
std::string speed_sentence(const replay_record& replay) {
    const contender_summary* ours = nullptr;
    std::vector<const contender_summary*> others;
    for (const contender_summary* c : finished(replay)) {
        if (c->name == "millpond") {
            ours = c;
        } else if (!is_ours(*c)) {
            others.push_back(c);
        }
    }
    if (ours == nullptr || others.empty()) {
        return "";
    }
    const auto half =
        [&](spread contender_summary::*quantity, std::string_view noun, std::string_view best) {
            return against_best(*ours, others, *replay.baseline(), quantity, noun, best);
        };
    return fmt::format("millpond took {}, and {}.",
                       half(&contender_summary::ns_per_operation, "time", "fastest"),
                       half(&contender_summary::peak_bytes, "memory", "leanest"));
}

void add_sections(json& sections, const replay_record& replay, const std::string& prefix) {
    if (replay.baseline() == nullptr) {
        sections.push_back(section(prefix + "No figures", honest_notes(replay), nullptr, nullptr));
        return;
    }
    sections.push_back(
        section(prefix + "Time per operation",
                "User and system time; less is better.",
                bars(replay, "ns per operation", 1, &contender_summary::ns_per_operation),
                cost_table(replay)));
    sections.push_back(
        section(prefix + "Latency of one call",
                fmt::format("How long the slowest calls take; lower and flatter is better.{}",
                            replay.rounds == 1 ? "" : " Medians over the rounds."),
                percentile_chart(replay),
                nullptr));
    sections.push_back(
        section(prefix + "Memory and page faults",
                fmt::format("The program had at most {} MiB live at once, as it asked "
                            "for them; what is above that is overhead.",
                            figure(static_cast<double>(replay.plan.peak_live_bytes) / mib)),
                bars(replay, "MiB at the peak", mib, &contender_summary::peak_bytes),
                memory_table(replay)));
    if (plays_millpond(replay)) {
        sections.push_back(section(
            prefix + "Millpond's pools",
            fmt::format(
                "{} {} {:.1f} % of the operations; malloc serves the rest. Sizes up "
                "to {} bytes, rounded to {}, taken by number of operations until {:.0f} % are "
                "covered.",
                counted(replay.plan.pools.size(), "pool"),
                replay.plan.pools.size() == 1 ? "serves" : "serve",
                100 * replay.coverage(),
                pooled_bytes_max,
                pool_step_bytes,
                100 * wanted_coverage),
            nullptr,
            pool_table(replay)));
    }
    sections.push_back(
        section(prefix + "How it was measured", how_it_was_measured(replay), nullptr, nullptr));
    sections.push_back(
        section(prefix + "What this does not show", honest_notes(replay), nullptr, nullptr));
}

/// What was replayed.
json about(const std::vector<replay_record>& replays) {
    json facts = json::array();
    for (const replay_record& replay : replays) {
        const plan_facts& p = replay.plan;
        facts.push_back({"program", replay.program(200)});
        facts.push_back({"process",
                         fmt::format("{} of {} in {}",
                                     replay.process_index + 1,
                                     replay.process_count,
                                     replay.trace_file)});
        facts.push_back({"operations",
                         fmt::format("{}: {} allocations, {} reallocations, {} frees",
                                     grouped(p.operations),
                                     grouped(p.allocations),
                                     grouped(p.reallocations),
                                     grouped(p.frees))});
        facts.push_back({"live at most",
                         fmt::format("{} blocks, {} MiB; largest block {} bytes",
                                     grouped(p.peak_live_blocks),
                                     figure(static_cast<double>(p.peak_live_bytes) / mib),
                                     grouped(p.largest_bytes))});
    }
    return facts;
}

/// Where, and with which versions.
json facts_of(const std::vector<replay_record>& replays) {
    json facts = json::array();
    for (const auto& [label, value] : machine_facts()) {
        facts.push_back({label, value});
    }
    for (const contender_summary& c : replays.front().contenders) {
        const std::string version = !is_ours(c) ? c.malloc_version
                                                : fmt::format("{}.{}.{}, pools over",
                                                              MILLPOND_VERSION_MAJOR,
                                                              MILLPOND_VERSION_MINOR,
                                                              MILLPOND_VERSION_PATCH);
        facts.push_back({c.name, version.empty() ? c.malloc_file : version + " " + c.malloc_file});
    }
    return facts;
}

} // namespace

json page_model(const std::vector<replay_record>& replays) {
    json sections = json::array();
    for (const replay_record& replay : replays) {
        add_sections(sections, replay, replays.size() == 1 ? "" : replay.program(24) + ": ");
    }
    const replay_record& first = replays.front();
    const std::string title =
        replays.size() == 1 ? fmt::format("The heap of {}, replayed", first.program_name())
                            : fmt::format("{} processes: their heaps, replayed", replays.size());
    return {
        {"title", title},
        {"lead", replays.size() == 1 && first.baseline() != nullptr ? speed_sentence(first) : ""},
        {"about", about(replays)},
        {"facts", facts_of(replays)},
        {"sections", std::move(sections)}};
}

} // namespace millpond::tool::replay
