// SPDX-License-Identifier: MIT
/// \file
/// millpond-player: plays one plan on one heap, once, and hands the figures back. `millpond replay`
/// starts one for every run, with the allocator preloaded. A program of its own, because it must be small:
/// whatever ran in this process before the first operation would have left its marks in the heap that is
/// to be measured.
///
///     millpond-player probe                             which malloc is in this process?
///     millpond-player time|latency libc|pools|resource|scratch   play the plan

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>

#include "replay/player_heaps.hpp"
#include "replay/player_loop.hpp"
#include "replay/player_system.hpp"
#include "replay/result.hpp"
#include <dlfcn.h>
#include <unistd.h>

namespace millpond::tool::replay {

namespace {

play_result result; // static: it must come neither from the heap nor from the stack

struct latency_probe {
    [[nodiscard]] static std::uint64_t begin() noexcept { return ticks_begin(); }

    void end(std::uint64_t begun) noexcept { result.latency_ticks.add(ticks_end() - begun); }
};

[[noreturn]] void finish(play_status status, const char* message) noexcept {
    result.status = status;
    std::snprintf(result.message, sizeof result.message, "%s", message);
    // No exit handlers: the blocks that the program never freed are not this process's leaks.
    std::_Exit(write_all(result_descriptor, &result, sizeof result) ? 0 : 1);
}

void say_whose_malloc() noexcept {
    Dl_info where{};
    void* address = dlsym(RTLD_DEFAULT, "malloc");
    if (address != nullptr && dladdr(address, &where) != 0 && where.dli_fname != nullptr) {
        std::snprintf(result.malloc_file, sizeof result.malloc_file, "%s", where.dli_fname);
    }
}

template <class Function>
Function* find_function(const char* name) noexcept {
    return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

/// Each allocator that can say its version has a way of its own; whichever is in this process answers.
void say_version() noexcept {
    char* text = result.malloc_version;
    constexpr std::size_t size = sizeof result.malloc_version;
    using mallctl_t = int(const char*, void*, std::size_t*, void*, std::size_t);
    if (auto* mallctl = find_function<mallctl_t>("mallctl")) {
        const char* version = nullptr;
        std::size_t bytes = sizeof version;
        if (mallctl("version", &version, &bytes, nullptr, 0) == 0) {
            // "5.3.0-0-g54eaed1d8b..." names a commit that nobody looks for here.
            const auto length = static_cast<int>(std::strcspn(version, "-"));
            std::snprintf(text, size, "%.*s", length, version);
        }
    } else if (auto* mi_version = find_function<int()>("mi_version")) {
        const int v = mi_version();
        std::snprintf(text, size, "%d.%d.%d", v / 100, v / 10 % 10, v % 10);
    } else if (auto* tc_version =
                   find_function<const char*(int*, int*, const char**)>("tc_version")) {
        std::snprintf(text, size, "%s", tc_version(nullptr, nullptr, nullptr));
    }
}

/// The median of what measuring nothing shows.
std::uint64_t clock_ticks() noexcept {
    constexpr std::size_t tries = 1001;
    static std::uint64_t seen[tries];
    for (std::uint64_t& ticks : seen) {
        const std::uint64_t begun = ticks_begin();
        ticks = ticks_end() - begun;
    }
    std::nth_element(seen, seen + tries / 2, seen + tries);
    return seen[tries / 2];
}

struct loaded_plan {
    const plan_header* head = nullptr;
    const record* records = nullptr;
    void** slots = nullptr;
};

/// An empty text when all went well, else what did not.
const char* load(loaded_plan& plan) noexcept {
    std::size_t bytes = 0;
    const void* file = map_file(plan_descriptor, bytes);
    if (file == nullptr) {
        return "the plan cannot be mapped";
    }
    plan.head = static_cast<const plan_header*>(file);
    if (bytes < plan_records_offset || plan.head->magic != plan_magic ||
        bytes < plan_records_offset + (plan.head->records + plan.head->checks) * sizeof(record)) {
        return "the plan is not whole";
    }
    plan.records =
        reinterpret_cast<const record*>(static_cast<const char*>(file) + plan_records_offset);
    plan.slots = static_cast<void**>(resident_memory(plan.head->slots * sizeof(void*)));
    return plan.slots == nullptr ? "no memory for the table of blocks" : "";
}

template <class Heap, class Probe>
play_outcome measured(const loaded_plan& plan, Probe probe) {
    result.baseline_bytes = status_bytes("VmRSS:");
    reset_peak();
    const fault_counts faults = faults_now();
    const std::uint64_t wall = wall_now_ns();
    const std::uint64_t cpu = cpu_now_ns();
    Heap heap(*plan.head); // inside the measurement: a program must build its pools, too
    const play_outcome out = play(plan.records, plan.head->records, plan.slots, heap, probe);
    result.cpu_ns = cpu_now_ns() - cpu;
    result.wall_ns = wall_now_ns() - wall;
    const fault_counts after = faults_now();
    result.minor_faults = after.minor - faults.minor;
    result.major_faults = after.major - faults.major;
    const std::uint64_t peak = status_bytes("VmHWM:");
    result.peak_bytes = peak > result.baseline_bytes ? peak - result.baseline_bytes : 0;
    result.checksum = out.checksum;
    if (out.stopped_at == plan.head->records) {
        result.checksum = check_rest(
            plan.records + plan.head->records, plan.head->checks, plan.slots, out.checksum);
    }
    return out;
}

template <class Heap>
[[noreturn]] void run(const loaded_plan& plan, bool latency) {
    play_outcome out;
    if (latency) {
        result.clock_ticks = clock_ticks();
        const std::uint64_t ticks = ticks_begin();
        const std::uint64_t wall = wall_now_ns();
        out = measured<Heap>(plan, latency_probe{});
        // The play itself is what the counter is calibrated against, after a wait when it was short.
        while (wall_now_ns() - wall < 2'000'000) {
        }
        const auto passed_ns = static_cast<double>(wall_now_ns() - wall);
        result.ns_per_tick = passed_ns / static_cast<double>(ticks_end() - ticks);
    } else {
        out = measured<Heap>(plan, no_probe{});
    }
    if (out.stopped_at == plan.head->records) {
        finish(play_status::played, "");
    }
    result.record = out.stopped_at;
    result.size_bytes = plan.records[out.stopped_at].size_bytes;
    finish(play_status::out_of_memory, "out of memory");
}

[[noreturn]] void play_on(std::string_view heap, bool latency) {
    loaded_plan plan;
    const char* problem = load(plan);
    if (*problem != '\0') {
        finish(play_status::failed, problem);
    }
    if (heap == "pools") {
        run<pool_heap>(plan, latency);
    }
    if (heap == "resource") {
        run<resource_heap>(plan, latency);
    }
    if (heap == "scratch") {
        run<scratch_heap>(plan, latency);
    }
    run<libc_heap>(plan, latency);
}

int play_as_told(int count, char** arguments) {
    if (count < 2) {
        std::fputs("millpond-player is started by `millpond replay`, never by hand\n", stderr);
        return 2;
    }
    say_whose_malloc();
    const std::string_view mode = arguments[1];
    if (mode == "probe" || count < 3) {
        say_version();
        finish(play_status::played, "");
    }
    try {
        play_on(arguments[2], mode == "latency");
    } catch (const std::exception& e) {
        finish(play_status::failed, e.what());
    }
}

} // namespace

} // namespace millpond::tool::replay

int main(int count, char** arguments) {
    return millpond::tool::replay::play_as_told(count, arguments);
}
