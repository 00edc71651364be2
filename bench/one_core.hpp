// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One core for all who are compared.
///
/// A virtual processor whose other half serves another machine takes half as long again for everything, for
/// minutes. Workers that take turns on two such processors are then not compared with each other but with that.

#include <sched.h>

namespace millpond::bench {

class one_core {
public:
    one_core() noexcept;

    /// Binds this process, and the workers that it starts, to the core that is quickest at this moment: in
    /// some ten milliseconds for each core.
    void choose() noexcept;

    /// All cores again: for workers that bind their threads themselves.
    void release() noexcept;

private:
    cpu_set_t allowed_;
};

} // namespace millpond::bench
