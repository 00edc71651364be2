// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// An arena named "victim" in static memory, so that it stays readable when it is dead.

#include "victim.hpp"

namespace misuse {

class arena_victim {
public:
    arena_victim()
        : arena_(::new (place_.data()) millpond::arena({.name = "victim", .capacity = capacity})) {}

    millpond::arena& operator*() const { return *opaque(arena_); }

    millpond::arena* operator->() const { return opaque(arena_); }

    void destroy() { std::destroy_at(arena_); }

    /// A mark, whose position run.py is told as `mark`.
    [[nodiscard]] millpond::arena::mark_type noted_mark() {
        const auto taken = arena_->mark();
        note("mark", arena_->allocate(1, 1));
        return taken;
    }

private:
    alignas(millpond::arena) static inline std::array<std::byte, sizeof(millpond::arena)> place_{};
    millpond::arena* arena_;
};

} // namespace misuse
