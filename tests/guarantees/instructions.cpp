// SPDX-License-Identifier: MIT
/// \file
/// Prints, for every operation of every pool, the largest number of instructions that any call of it
/// executed, and the scenario that needed them. `--json FILE` writes the same for check_bounds.py.

#include <cstdio>
#include <cstring>
#include <span>
#include <stdexcept>

#include "scenarios.hpp"
#include "subjects.hpp"
#include "support/sanitized.hpp"
#include "tracer.hpp"

namespace {

using namespace millpond::
    guarantees; // NOLINT(google-build-using-namespace): this program is theirs

constexpr int skipped = 77;

constinit static_raw static_blocks;
constinit static_typed static_objects;

void block_pool_scenarios() {
    raw_pool pool({.name = "blocks",
                   .block_bytes = sizeof(payload),
                   .capacity = 4096,
                   .max_capacity = most_levels});
    scenarios<raw_pool> run(pool,
                            {"block_pool::try_allocate",
                             "block_pool::allocate",
                             "block_pool::deallocate",
                             "block_pool::try_allocate_bulk of 64",
                             "block_pool::deallocate_bulk of 64"});
    run.single_calls();
    run.bulk_of_64(1, "64 lines side by side");
    run.bulk_of_64(64, "64 lines, each alone in its word of the set");
}

void object_pool_scenarios() {
    typed pool({.name = "objects", .capacity = 4096, .max_capacity = most_levels});
    scenarios<typed> run(
        pool, {"object_pool::try_create", "object_pool::create", "object_pool::destroy", "", ""});
    run.single_calls();
}

void static_pool_scenarios() {
    scenarios<static_raw> raw(static_blocks,
                              {"static_block_pool::try_allocate",
                               "static_block_pool::allocate",
                               "static_block_pool::deallocate",
                               "static_block_pool::try_allocate_bulk of 64",
                               "static_block_pool::deallocate_bulk of 64"});
    raw.single_calls();
    raw.bulk_of_64(1, "64 lines side by side");
    raw.bulk_of_64(63, "64 lines far apart");
    scenarios<static_typed> objects(static_objects,
                                    {"static_object_pool::try_create",
                                     "static_object_pool::create",
                                     "static_object_pool::destroy",
                                     "",
                                     ""});
    objects.single_calls();
}

/// Full pools, and pools that grow by a step.
void capacity_scenarios() {
    raw_pool full({.name = "full", .block_bytes = sizeof(payload), .capacity = 100});
    scenarios<raw_pool>(full, {"block_pool::try_allocate", "", "", "", ""}).exhausted();
    typed full_of_objects({.name = "full", .capacity = 100});
    scenarios<typed>(full_of_objects, {"object_pool::try_create", "", "", "", ""}).exhausted();
    for (const bool prefault : {false, true}) {
        raw_pool growing({.name = "growing",
                          .block_bytes = 4096,
                          .capacity = 64,
                          .max_capacity = 100'000,
                          .prefault = prefault,
                          .leaks = millpond::leak_policy::ignore});
        for (int i = 0; i < 64; ++i) {
            (void)growing.allocate();
        }
        announce(prefault ? "growth step, prefaulted" : "growth step",
                 "an allocation that commits 2 MiB more");
        mark();
        void* const block = operations<raw_pool>::try_take(growing);
        mark();
        if (block == nullptr) {
            throw std::runtime_error("the pool did not grow");
        }
    }
}

void print(std::span<const bound> bounds) {
    std::printf(
        "%-56s %12s %8s %7s  %s\n", "operation", "instructions", "syscalls", "calls", "where");
    for (const bound& each : bounds) {
        std::printf("%-56s %12llu %8llu %7llu  %s\n",
                    each.operation.c_str(),
                    static_cast<unsigned long long>(each.instructions),
                    static_cast<unsigned long long>(each.system_calls),
                    static_cast<unsigned long long>(each.calls),
                    each.scenario.c_str());
    }
}

bool write_json(const char* path, std::span<const bound> bounds) {
    std::FILE* const file = std::fopen(path, "w");
    if (file == nullptr) {
        return false;
    }
    std::fprintf(file, "{\"compiler\": \"%s\", \"bounds\": [", __VERSION__);
    const char* separator = "\n";
    for (const bound& each : bounds) {
        std::fprintf(file,
                     "%s{\"operation\": \"%s\", \"instructions\": %llu, \"system_calls\": %llu, "
                     "\"calls\": %llu, \"scenario\": \"%s\"}",
                     separator,
                     each.operation.c_str(),
                     static_cast<unsigned long long>(each.instructions),
                     static_cast<unsigned long long>(each.system_calls),
                     static_cast<unsigned long long>(each.calls),
                     each.scenario.c_str());
        separator = ",\n";
    }
    std::fprintf(file, "\n]}\n");
    return std::fclose(file) == 0;
}

/// Why a count would say nothing of a release build; empty when it would.
std::string why_not_in_this_build() {
#if !defined(__OPTIMIZE__) || !defined(NDEBUG)
    return "instructions are counted in release builds";
#else
    return millpond::test::sanitized ? "a sanitizer adds instructions of its own" : "";
#endif
}

} // namespace

int main(int count, char** values) {
    std::string reason = why_not_in_this_build();
    if (reason.empty()) {
        reason = why_not_here();
    }
    if (!reason.empty()) {
        std::printf("skipped: %s\n", reason.c_str());
        return skipped;
    }
    const bool json = count == 3 && std::strcmp(values[1], "--json") == 0;
    if (count != 1 && !json) {
        std::fprintf(stderr, "usage: %s [--json FILE]\n", values[0]);
        return 2;
    }
    try {
        const auto bounds = trace([] {
            block_pool_scenarios();
            object_pool_scenarios();
            static_pool_scenarios();
            capacity_scenarios();
            concurrent_pool_scenarios();
            shared_owner_scenarios();
            arena_scenarios();
            handle_pool_scenarios();
            resource_instruction_scenarios();
            resource_growth_scenarios();
        });
        print(bounds);
        if (json && !write_json(values[2], bounds)) {
            std::fprintf(stderr, "cannot write %s\n", values[2]);
            return 1;
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
