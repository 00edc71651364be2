// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does a block cost beyond its payload, and what comes back when most are freed?
///
/// `overhead` is what the process' anonymous resident memory grew by, per block, less the block's
/// own bytes, all of which are written. Then nine blocks in ten are freed at random and the library
/// is asked to give memory back: `kept` is what is still resident per block still live. Unit: bytes.

#include <cstdio>
#include <cstring>
#include <span>
#include <vector>

#include "measure.hpp"
#include "passes.hpp"
#include "task.hpp"

namespace millpond::bench {

/// Resident bytes of this process without those of files, whose code is paged in as it first runs;
/// exactly, where the counter in /proc/self/statm lags behind.
inline double resident_bytes() {
    std::FILE* const file = std::fopen("/proc/self/smaps_rollup", "r");
    double kibibytes = 0;
    if (file != nullptr) {
        char line[256];
        while (std::fgets(line, sizeof line, file) != nullptr) {
            if (std::strncmp(line, "Anonymous:", 10) == 0) {
                kibibytes = std::strtod(line + 10, nullptr);
            }
        }
        std::fclose(file);
    }
    return kibibytes * 1024;
}

/// How much more there is than when it was made.
class resident_growth {
public:
    resident_growth() {
        static_cast<void>(resident_bytes()); // stdio's buffer is there before anything is measured
        before_ = resident_bytes();
    }

    [[nodiscard]] double bytes() const { return resident_bytes() - before_; }

private:
    double before_ = 0;
};

template <class Pool>
outcome measure_memory(const task& asked) {
    std::vector<void*> held(asked.blocks, nullptr);
    const std::span all(held);
    const resident_growth memory;
    Pool pool(asked.blocks);
    take_all(pool, all);
    for (void* const block : held) {
        std::memset(block, 1, Pool::block_bytes);
    }
    const double full = memory.bytes();
    const std::size_t leaving = asked.blocks / 10 * 9;
    outcome found;
    random_source().shuffle(all);
    found.checksum = give_all(pool, all.first(leaving));
    if constexpr (requires { pool.trim(); }) {
        pool.trim();
    }
    const double kept = memory.bytes();
    found.checksum += give_all(pool, all.subspan(leaving));
    const auto blocks = static_cast<double>(asked.blocks);
    found.figures = {{"overhead", full / blocks - static_cast<double>(Pool::block_bytes)},
                     {"kept", kept / (blocks - static_cast<double>(leaving))}};
    return found;
}

} // namespace millpond::bench
