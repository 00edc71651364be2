// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The operating system, as far as millpond needs it: one private contract, one .cpp per system.
///
/// Common preconditions: addresses and sizes are multiples of the page size that was reserved
/// with, unless a function says otherwise. Functions return 0 or errno, never throw, never allocate.

#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/stats.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace os {

/// Bytes of a page: the system's own for standard and transparent huge pages.
[[nodiscard]] std::size_t page_bytes(page_size pages) noexcept;

/// The most bytes of address space that this process may have; the largest number if nobody set a
/// limit.
[[nodiscard]] std::size_t address_space_bytes() noexcept;

/// What a message says about a limit; empty if nothing is known.
struct limit_text {
    std::array<char, 64> text{};
};

/// The limit that a request for `bytes` bytes has just hit, " (RLIMIT_DATA is 16777216 bytes)":
/// found by comparing what this process has with what it may have. Reads files of /proc, so use it
/// only for a message.
[[nodiscard]] limit_text limit_hit(os_request request, std::size_t bytes, int error) noexcept;

/// Reserves address space that cannot be touched yet, aligned to `alignment` (a power of two).
[[nodiscard]] int reserve(std::size_t bytes, std::size_t alignment, std::byte** address) noexcept;

/// Replaces a reserved range by explicit huge pages, still untouchable. They are set aside now, so
/// that a later touch cannot fail for lack of one.
[[nodiscard]] int
back_with_huge_pages(std::byte* address, std::size_t bytes, page_size pages) noexcept;

/// Asks for transparent huge pages in a range. Advice: the kernel may refuse at any time.
[[nodiscard]] int advise_huge(std::byte* address, std::size_t bytes) noexcept;

/// Makes a reserved range readable and writable.
[[nodiscard]] int commit(std::byte* address, std::size_t bytes) noexcept;

/// Lets a reserved range be read, as zeros: that counts against no limit except that of addresses.
[[nodiscard]] int make_readable(std::byte* address, std::size_t bytes) noexcept;

/// Drops the contents of a committed range, which can then be read only if `readable`.
void decommit(std::byte* address, std::size_t bytes, bool readable) noexcept;

/// Brings every page of a committed range into memory for writing. Contents stay.
[[nodiscard]] int populate(std::byte* address, std::size_t bytes) noexcept;

/// Keeps a committed range in RAM.
[[nodiscard]] int lock(std::byte* address, std::size_t bytes) noexcept;

/// Drops the contents of a committed range; it reads as zero afterwards.
[[nodiscard]] int discard(std::byte* address, std::size_t bytes) noexcept;

/// Bytes of a range that are in memory now.
[[nodiscard]] std::size_t resident_bytes(std::byte* address, std::size_t bytes) noexcept;

/// Names a range in /proc/self/maps where the kernel can; does nothing elsewhere.
void name(std::byte* address, std::size_t bytes, const char* text) noexcept;

/// Gives a reservation back, whatever has become of its parts.
void release(std::byte* address, std::size_t bytes) noexcept;

/// Has three functions called around every fork: before it, and after it in the parent and in the
/// child. False when the system has no room for them.
[[nodiscard]] bool on_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept;

/// Sleeps while `word` is `expected`, at most `most`; may return early. Signal handlers may run.
void sleep_on(std::uint32_t& word, std::uint32_t expected, std::chrono::nanoseconds most) noexcept;

/// Wakes one thread that sleeps on `word`. May be called in a signal handler.
void wake_one(std::uint32_t& word) noexcept;

/// Writes to standard error, as much as the system takes.
void write_error(const char* text, std::size_t bytes) noexcept;

} // namespace os

MILLPOND_NAMESPACE_END
