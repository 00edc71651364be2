// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which processor cores a measurement runs on.

#include <cstddef>
#include <span>
#include <vector>

namespace millpond::bench {

/// The cores that this thread may run on.
[[nodiscard]] std::vector<std::size_t> allowed_cores();

/// Keeps this thread, and the processes that it starts, on some cores. A refusal leaves it where it is.
void bind_to(std::span<const std::size_t> cores) noexcept;

/// One core for all who are compared.
///
/// A virtual processor whose other half serves another machine takes half as long again for everything, for
/// minutes. Workers that take turns on two such processors are then not compared with each other but with that.
class one_core {
public:
    /// Binds this thread, and the workers that it starts, to the core that is quickest at this moment: in
    /// some ten milliseconds for each core.
    void choose() noexcept;

    /// All cores again: for workers that bind their threads themselves.
    void release() noexcept { bind_to(allowed_); }

private:
    std::vector<std::size_t> allowed_ = allowed_cores();
};

} // namespace millpond::bench
