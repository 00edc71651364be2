// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What happens when a caller breaks a pool's contract: one line on standard error, then abort.
///
/// Nothing here allocates, locks or throws: the report must come out of a program that is already
/// wrong. The compiled part is `src/contract.cpp`.

#include "millpond/base/config.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Why an address was refused.
enum class misuse : std::uint8_t {
    foreign, // first: zero is what a pool that is alive says, and lets a static pool lie in .bss
    freed_twice,
    never_allocated,
    inside_a_block,
    pool_destroyed,
    pool_moved_from,
    not_live,
};

/// What a report needs to know of the pool.
struct misuse_report {
    const char* pool_name;
    misuse reason;
    const void* address;         ///< what the caller passed
    const void* first_block;     ///< start of the pool's blocks
    std::size_t block_bytes;     ///< distance from one block to the next
    std::size_t capacity_blocks; ///< blocks that the pool may ever hold
    const char* what = "free";   ///< what was asked for
};

/// Prints one line that names the pool, the address and the reason, and aborts.
[[noreturn]] void stop_on_misuse(const misuse_report& report) noexcept;

/// Prints one line that says how many blocks were still live when a raw pool was destroyed.
void report_leak(const char* pool_name, std::size_t live_blocks, std::size_t block_bytes) noexcept;

/// The same, and aborts.
[[noreturn]] void
stop_on_leak(const char* pool_name, std::size_t live_blocks, std::size_t block_bytes) noexcept;

} // namespace detail

MILLPOND_NAMESPACE_END
