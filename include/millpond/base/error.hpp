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

/// How much did not fit into a pool that counts in bytes; SIZE_MAX means more than there are
/// addresses.
struct bytes_wanted {
    std::size_t bytes = 0;
};

/// What the operating system was asked for and refused.
enum class os_request : unsigned char {
    reserve,              ///< address space
    back_with_huge_pages, ///< huge pages of the requested size, set aside
    commit,               ///< reserved memory
    commit_and_lock,      ///< reserved memory, and keep it in RAM
    allocate_from_heap,   ///< memory of the C library
};

/// Why a pool could not grow.
struct growth_refusal {
    // NOLINTNEXTLINE(google-explicit-constructor): an errno is enough, the rest is for the text
    constexpr growth_refusal(int os_error = 0,
                             std::size_t bytes_refused = 0,
                             os_request what = os_request::commit) noexcept
        : error(os_error)
        , bytes(bytes_refused)
        , request(what) {}

    int error;         ///< the system's errno; 0: the system did not refuse
    std::size_t bytes; ///< how many would have been enough
    os_request request;
};

/// Thrown by `allocate` and `create` when a pool is full, or when it may grow and the operating
/// system refuses. The text names the pool, its capacity, its peak if that was counted, and the
/// reason.
///
/// Units:      blocks; bytes for an arena or a resource, and the text says so.
/// Complexity: O(1); holds its text, allocates nothing.
/// Errors:     none.
/// Threads:    any may read it.
/// Source:     own.
class pool_exhausted : public std::bad_alloc {
public:
    /// Stands for a figure that was not counted.
    static constexpr std::size_t not_counted = ~std::size_t{0};

    pool_exhausted(const char* pool_name,
                   std::size_t capacity,
                   std::size_t high_water,
                   const growth_refusal& refusal) noexcept;

    /// For a pool that counts in bytes: the text says so and gives the size that was asked for.
    pool_exhausted(const char* pool_name,
                   bytes_wanted wanted,
                   std::size_t capacity,
                   std::size_t high_water,
                   const growth_refusal& refusal) noexcept;

    [[nodiscard]] const char* what() const noexcept override { return text_; }

    /// Blocks or bytes that the pool could hold when it ran out; `not_counted` for a resource without a limit.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    /// The most blocks or bytes that were ever live at once; `not_counted` for a concurrent pool
    /// and for a resource.
    [[nodiscard]] std::size_t high_water() const noexcept { return high_water_; }

private:
    void add(const char* before, const char* text, const char* after) noexcept;
    void add(const char* before, std::size_t figure, const char* after) noexcept;
    void add_refusal(const growth_refusal& refusal) noexcept;

    std::size_t capacity_;
    std::size_t high_water_;
    char text_[256];
};

namespace detail {

[[noreturn]] void throw_exhausted(const char* pool_name,
                                  std::size_t capacity,
                                  std::size_t high_water,
                                  const growth_refusal& refusal);

/// Throws std::bad_alloc: a request for more bytes than an object can have.
[[noreturn]] void throw_bad_alloc();

/// Throws std::bad_array_new_length: an array of more objects than fit in memory.
[[noreturn]] void throw_bad_length();

[[noreturn]] void throw_exhausted(const char* pool_name,
                                  bytes_wanted wanted,
                                  std::size_t capacity,
                                  std::size_t high_water,
                                  const growth_refusal& refusal);

/// Rejects an option. `field` and `requirement` are literals: "block_bytes" "must be at least 1".
[[noreturn]] void throw_bad_option(const char* pool_name,
                                   const char* field,
                                   std::uint64_t value,
                                   const char* requirement,
                                   std::uint64_t limit);

/// Rejects an option that is not available here: "memory.lock" "is not supported".
[[noreturn]] void
throw_bad_option(const char* pool_name, const char* field, const char* requirement);

/// Throws std::system_error with the system's errno `error`. The text names the limit that was hit,
/// if it can be known.
[[noreturn]] void throw_os_refusal(const char* pool_name,
                                   os_request request,
                                   std::size_t bytes,
                                   std::size_t page_bytes,
                                   int error);

#if defined(__cpp_exceptions)
/// Runs an action whose failure is an answer, not an error; returns false when it threw.
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
