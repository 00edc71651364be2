// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which questions are asked, at which sizes, and how often.

#include <string>
#include <string_view>
#include <vector>

#include "contenders/registry.hpp"
#include "task.hpp"

namespace millpond::bench {

/// How long a run may take.
enum class effort : unsigned char {
    recorded, ///< everything, for the result that is committed
    quick,    ///< everything with fewer blocks and operations
    smoke,    ///< as little as proves that everything runs
};

/// Which questions. Each part has a result file of its own, so that one can be recorded without the
/// others.
enum class part : unsigned char { everything, one_thread, several_threads, containers };

/// One question at one size: a row of the result.
struct question {
    std::string name;         ///< "churn 64k"
    std::string_view pattern; ///< "churn"; also the name that the command line takes
    std::string_view unit;
    task measurement;
    unsigned needs = 0;       ///< the ability that a contender must have
    int most_repetitions = 0; ///< long questions are asked less often
};

/// The part of that name, as on the command line; everything for an empty one.
part part_named(std::string_view name);

/// The pattern's name on the command line and in the result.
std::string_view name_of(pattern what);

/// The pattern of that name; throws std::invalid_argument.
pattern pattern_named(std::string_view name);

/// The part's questions, in the order in which they are asked. Those that can be asked of any
/// number of threads are asked of 1, 2, 4, 8 and 16, up to the number of cores: with more, what is
/// measured is the system's scheduler. Two are always asked.
std::vector<question> questions(effort how_much, part which);

/// Whether this contender can answer this question.
bool can_answer(const contender& who, const question& asked);

} // namespace millpond::bench
