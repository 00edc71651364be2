// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The errors that a pool reports as exceptions, and the functions that raise them.
///
/// Four kinds, never mixed: running out is normal (`try_...` returns nullptr, the other throws
/// `pool_exhausted`); a bad option is `std::invalid_argument`; a refusal of the operating system is
/// `std::system_error`; a broken contract stops the program (contract.hpp). In a build without
/// exceptions the first three print the same text and abort.

#include "millpond/base/config.hpp"

#include <cstddef>
#include <cstdint>
#include <new>

MILLPOND_NAMESPACE_BEGIN

/// How much did not fit into a pool that counts in bytes.
struct bytes_wanted {
    std::size_t bytes = 0;
};

/// Thrown by `allocate` and `create` when a pool is full, or when it may grow and the operating
/// system refuses. The text names the pool, its capacity, its peak and the reason.
///
/// Units:      counts in blocks; those of an arena in bytes.
/// Complexity: O(1); holds its text, allocates nothing.
/// Errors:     none.
/// Threads:    as every exception.
/// Source:     own.
class pool_exhausted : public std::bad_alloc {
public:
    pool_exhausted(const char* pool_name,
                   std::size_t capacity,
                   std::size_t high_water,
                   int os_error) noexcept;

    /// For a pool that counts in bytes: the text says so, and how much was asked for.
    pool_exhausted(const char* pool_name,
                   bytes_wanted wanted,
                   std::size_t capacity,
                   std::size_t high_water,
                   int os_error) noexcept;

    [[nodiscard]] const char* what() const noexcept override { return text_; }

    /// Blocks or bytes that the pool could hold when it ran out.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    /// The most blocks or bytes that were ever live at once.
    [[nodiscard]] std::size_t high_water() const noexcept { return high_water_; }

private:
    void add_refusal(int length, int os_error) noexcept;

    std::size_t capacity_;
    std::size_t high_water_;
    char text_[224];
};

namespace detail {

[[noreturn]] void
throw_exhausted(const char* pool_name, std::size_t capacity, std::size_t high_water, int os_error);

/// More bytes than an object can have.
[[noreturn]] void throw_bad_alloc();

/// An array of more objects than fit in memory.
[[noreturn]] void throw_bad_length();

[[noreturn]] void throw_exhausted(const char* pool_name,
                                  bytes_wanted wanted,
                                  std::size_t capacity,
                                  std::size_t high_water,
                                  int os_error);

/// `field` and `requirement` are literals: "block_bytes" "must be at least 1".
[[noreturn]] void throw_bad_option(const char* pool_name,
                                   const char* field,
                                   std::uint64_t value,
                                   const char* requirement,
                                   std::uint64_t limit);

/// `action` says what was asked of the system, "reserve", "lock"; `error` is its errno.
[[noreturn]] void throw_os_refusal(const char* pool_name,
                                   const char* action,
                                   std::size_t bytes,
                                   std::size_t page_bytes,
                                   int error);

#if defined(__cpp_exceptions)
/// Does something whose failure is an answer and not an error: false when it threw.
template <class Action>
bool attempt(Action action) noexcept {
    try {
        action();
        return true;
    } catch (...) { // whatever it was: there is another way
        return false;
    }
}
#else
template <class Action>
bool attempt(Action action) noexcept {
    action(); // prints and stops where it would throw
    return true;
}
#endif

} // namespace detail

MILLPOND_NAMESPACE_END
