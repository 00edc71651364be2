// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A recycling pool that can die before its leases.

#include "victim.hpp"

namespace misuse {

/// Leaves a trace in the object that comes back.
struct wipe {
    void operator()(record& object) const noexcept { object.text.fill(0); }
};

/// The pool lies in static memory, so that it stays readable.
class lender {
public:
    using pool = millpond::recycling_pool<record, wipe>;

    lender()
        : pool_(::new (place_.data()) pool({.name = "victim", .capacity = capacity})) {}

    pool* operator->() const { return opaque(pool_); }

    void destroy() { std::destroy_at(pool_); }

private:
    alignas(pool) static inline std::array<std::byte, sizeof(pool)> place_{};
    pool* pool_;
};

} // namespace misuse
