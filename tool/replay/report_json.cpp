// SPDX-License-Identifier: MIT
#include "replay/report_json.hpp"

#include <millpond/millpond.hpp>

#include "replay/machine.hpp"
#include <fmt/format.h>

namespace millpond::tool::replay {

namespace {

using nlohmann::json;

json to_json(const spread& s) {
    return {{"median", s.median}, {"low", s.low}, {"high", s.high}};
}

json rounds_of(const contender_figures& figures) {
    json rounds = json::array();
    for (std::size_t i = 0; i < figures.times.size(); ++i) {
        const time_run& t = figures.times[i];
        json round = {{"cpu_ns", t.cpu_ns},
                      {"wall_ns", t.wall_ns},
                      {"peak_bytes", t.peak_bytes},
                      {"baseline_bytes", t.baseline_bytes},
                      {"minor_faults", t.minor_faults},
                      {"major_faults", t.major_faults},
                      {"latency", nullptr}};
        if (i < figures.latencies.size()) {
            const latency_run& l = figures.latencies[i];
            round["latency"] = {{"clock_ns", l.clock_ns}, {"percentiles_ns", l.percentiles_ns}};
        }
        rounds.push_back(std::move(round));
    }
    return rounds;
}

json to_json(const contender_figures& figures,
             const contender_summary& c,
             const contender_summary* base) {
    json out = {
        {"name", c.name},
        {"malloc_file", c.malloc_file},
        {"malloc_version", c.malloc_version.empty() ? json(nullptr) : json(c.malloc_version)},
        {"heap", figures.who.heap},
        {"preload", figures.who.preload},
        {"failure", c.failure.empty() ? json(nullptr) : json(c.failure)},
        {"rounds", rounds_of(figures)},
        {"summary", nullptr}};
    if (c.rounds == 0) {
        return out;
    }
    json percentiles = json::array();
    for (const auto& [percent, value] : c.percentiles_ns) {
        percentiles.push_back({{"percent", percent},
                               {"median", value.median},
                               {"low", value.low},
                               {"high", value.high}});
    }
    json summary = {{"ns_per_operation", to_json(c.ns_per_operation)},
                    {"wall_ns_per_operation", to_json(c.wall_ns_per_operation)},
                    {"peak_bytes", to_json(c.peak_bytes)},
                    {"minor_faults", to_json(c.minor_faults)},
                    {"major_faults", to_json(c.major_faults)},
                    {"clock_ns", to_json(c.clock_ns)},
                    {"percentiles_ns", std::move(percentiles)}};
    if (base != nullptr && base->ns_per_operation.median > 0) {
        summary["against"] = base->name;
        summary["time_ratio"] = c.ns_per_operation.median / base->ns_per_operation.median;
        summary["time_same"] = same(c.ns_per_operation, base->ns_per_operation);
    }
    if (base != nullptr && base->peak_bytes.median > 0) {
        summary["peak_ratio"] = c.peak_bytes.median / base->peak_bytes.median;
        summary["peak_same"] = same(c.peak_bytes, base->peak_bytes);
    }
    out["summary"] = std::move(summary);
    return out;
}

const char* name_of(ending end) {
    switch (end) {
    case ending::exited:
        return "exited";
    case ending::replaced:
        return "replaced";
    case ending::killed:
        return "killed";
    case ending::running:
        return "running";
    }
    return "unknown";
}

json to_json(const plan_facts& p) {
    json pools = json::array();
    for (const pool_spec& pool : p.pools) {
        pools.push_back({{"block_bytes", pool.block_bytes},
                         {"capacity", pool.capacity},
                         {"operations", pool.operations}});
    }
    return {{"operations", p.operations},
            {"allocations", p.allocations},
            {"reallocations", p.reallocations},
            {"frees", p.frees},
            {"never_freed", p.never_freed},
            {"peak_live_blocks", p.peak_live_blocks},
            {"peak_live_bytes", p.peak_live_bytes},
            {"largest_bytes", p.largest_bytes},
            {"threads", p.threads},
            {"plan_bytes", p.plan_bytes},
            {"counted_operations", p.counted_operations},
            {"pooled_operations", p.pooled_operations},
            {"pools", std::move(pools)}};
}

json to_json(const replay_record& replay) {
    json contenders = json::array();
    for (std::size_t i = 0; i < replay.contenders.size(); ++i) {
        contenders.push_back(to_json(replay.figures[i], replay.contenders[i], replay.baseline()));
    }
    return {{"trace", {{"file", replay.trace_file}, {"truncated", !replay.cut_reason.empty()}}},
            {"process",
             {{"index", replay.process_index},
              {"of", replay.process_count},
              {"pid", replay.what.pid},
              {"command", replay.what.command},
              {"ending", name_of(replay.what.end)}}},
            {"plan", to_json(replay.plan)},
            {"rounds", replay.rounds},
            {"missing", replay.missing},
            {"player_ns_per_operation", to_json(replay.player.ns_per_operation)},
            {"contenders", std::move(contenders)}};
}

} // namespace

json to_json(const std::vector<replay_record>& replays, const std::vector<std::string>& command) {
    json machine = json::object();
    for (const auto& [label, value] : machine_facts()) {
        machine[label] = value;
    }
    json all = json::array();
    for (const replay_record& replay : replays) {
        all.push_back(to_json(replay));
    }
    return {
        {"format", json_format},
        {"millpond",
         fmt::format(
             "{}.{}.{}", MILLPOND_VERSION_MAJOR, MILLPOND_VERSION_MINOR, MILLPOND_VERSION_PATCH)},
        {"command", command},
        {"machine", std::move(machine)},
        {"replays", std::move(all)}};
}

} // namespace millpond::tool::replay
