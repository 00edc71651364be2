// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which questions are asked, at which sizes, and how often.

#include <string_view>
#include <vector>

#include "contenders/registry.hpp"
#include "task.hpp"

namespace millpond::bench {

/// How long a run may take.
enum class effort : unsigned char {
    recorded, ///< everything, for the result that is committed: some twelve minutes
    quick,    ///< everything with fewer blocks and operations: under a minute
    smoke,    ///< as little as proves that everything runs
};

/// One question at one size: a row of the result.
struct question {
    std::string_view name;    ///< "churn 64k"
    std::string_view pattern; ///< "churn"; also the name that the command line takes
    std::string_view unit;
    task measurement;
    unsigned needs = 0;       ///< the ability that a contender must have
    int most_repetitions = 0; ///< long questions are asked less often
};

/// The pattern's name on the command line and in the result.
std::string_view name_of(pattern what);

/// The pattern of that name; throws std::invalid_argument.
pattern pattern_named(std::string_view name);

/// Every question, in the order in which they are asked.
std::vector<question> questions(effort how_much);

/// Whether this contender can answer this question.
bool can_answer(const contender& who, const question& asked);

} // namespace millpond::bench
