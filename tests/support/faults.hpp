// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Page faults of this process.

#include <algorithm>
#include <limits>

#include <sys/resource.h>

namespace millpond::test {

/// How many there were so far.
inline long faults() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

/// The fewest faults that a call of `use` takes in three. `prepare` makes what `use` is given. A page of that which
/// is not there faults in each of the three; code that runs for the first time, only in one.
template <class Prepare, class Use>
long fewest_faults(Prepare prepare, Use use) {
    long fewest = std::numeric_limits<long>::max();
    const volatile int rounds = 3; // which no compiler unrolls: each round runs the same code
    for (int round = 0; round < rounds; ++round) {
        auto prepared = prepare();
        const long before = faults();
        use(*prepared);
        fewest = std::min(fewest, faults() - before);
    }
    return fewest;
}

} // namespace millpond::test
