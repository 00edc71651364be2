// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What happens when a caller breaks a pool's contract: one line on standard error, then abort.
///
/// Nothing here allocates, locks or throws: the report must come out of a program that is already
/// wrong. The compiled part is `src/contract.cpp`.

#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Why an address was refused.
enum class misuse : std::uint8_t {
    foreign, // first: zero means that a pool is alive, and lets a static pool lie in .bss
    freed_twice,
    never_allocated,
    inside_a_block,
    wrong_size,
    pool_destroyed,
    pool_moved_from,
    pool_cleared,
    given_back, // by an arena
    not_live,
    no_pool,
};

/// What a report needs to know about the pool.
struct misuse_report {
    const char* pool_name = nullptr; ///< nullptr: there is no pool
    misuse reason = misuse::foreign;
    const void* address = nullptr;   ///< what the caller passed
    const void* block = nullptr;     ///< inside_a_block: the start of that block
    const void* first = nullptr;     ///< foreign: where the pool's blocks begin and end, if that is
    const void* end = nullptr;       ///< one range
    std::size_t block_bytes = 0;     ///< wrong_size: what the block has,
    std::size_t freed_bytes = 0;     ///< and what the caller says it has
    std::size_t freed_alignment = 0; ///< what the caller says of its alignment
    const char* what = "free";       ///< what was asked for

    /// Describes an address for a pool whose blocks lie side by side: foreign, inside a block, or
    /// the start of a block, which then was freed before.
    [[nodiscard]] static misuse_report of(const void* address,
                                          const std::byte* first_block,
                                          std::size_t block_bytes,
                                          std::size_t blocks) noexcept;
};

/// Prints one line that names the pool, the address and the reason, and aborts.
[[noreturn]] void stop_on_misuse(const misuse_report& report) noexcept;

/// Why a call other than a free was refused.
enum class call_misuse : std::uint8_t {
    foreign_mark,
    stale_mark,
    inside_a_rewind,
    record_overwritten,
    under_construction,
    arena_destroyed, // at a rewind
    pool_destroyed,  // at an allocation
    bad_alignment,
};

/// What a report needs to know about the call.
struct call_report {
    const char* pool_name;
    call_misuse reason;
    const void* position = nullptr; ///< an arena's mark or object, if the call has one
    std::size_t alignment = 0;      ///< bad_alignment: what was asked for
};

/// Prints one line that names the pool, the position and the reason, and aborts.
[[noreturn]] void stop_on_misuse(const call_report& report) noexcept;

/// Stops the program: an allocation asked for this alignment.
[[noreturn]] MILLPOND_SLOW_PATH void refuse_alignment(const pool_name& name,
                                                      std::size_t alignment) noexcept;

/// Stops the program when an alignment is not a power of two.
inline void require_alignment(const pool_name& name, std::size_t alignment) noexcept {
    if constexpr (checked_build) {
        // The bits in which a power of two differs from the number below it exceed that number;
        // this is true of no other number.
        if ((alignment ^ (alignment - 1)) <= alignment - 1) [[unlikely]] {
            refuse_alignment(name, alignment);
        }
    }
}

/// Prints one line and aborts: an allocator was made without a resource, and there is no default.
[[noreturn]] MILLPOND_SLOW_PATH void stop_without_resource() noexcept;

/// Prints one line that says how many blocks were still live when a raw pool was destroyed.
void report_leak(const char* pool_name, std::size_t live_blocks, std::size_t block_bytes) noexcept;

/// Prints one line that says how many blocks, not all of one size, were still live at destruction.
void report_mixed_leak(const char* pool_name, std::size_t live_blocks, std::size_t bytes) noexcept;

/// Prints the line of `report_leak` and aborts.
[[noreturn]] void
stop_on_leak(const char* pool_name, std::size_t live_blocks, std::size_t block_bytes) noexcept;

} // namespace detail

MILLPOND_NAMESPACE_END
