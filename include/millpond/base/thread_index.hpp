// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A small number for every thread, and notice to the pools when a thread ends.
///
/// A thread gets the lowest free index when it first uses a concurrent pool, keeps it for life and
/// returns it when it ends, after every pool that is alive has taken back what it kept for the
/// thread. The compiled part is `src/thread_index.cpp`.

#include "millpond/base/config.hpp"

#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Threads that can have an index at once.
inline constexpr std::uint32_t thread_indices = 255;

/// The index of a thread that has none yet, none any more, or came when all were taken.
inline constexpr std::uint32_t no_thread_index = thread_indices;

/// Index of the calling thread. In a program it costs one load or an addition to a register; in
/// code for shared libraries it costs what the compiler does there for any thread-local variable, a
/// call. The model that avoids the call uses space of which a program has enough for only some
/// hundreds of libraries; after that no more can be opened.
extern constinit thread_local std::uint32_t thread_index;

/// Gives the calling thread an index if it can have one, and returns it; else no_thread_index.
std::uint32_t claim_thread_index() noexcept;

/// Something that keeps a thing per thread; told when a thread ends, and after a fork.
class thread_user {
public:
    thread_user(const thread_user&) = delete;
    thread_user& operator=(const thread_user&) = delete;

protected:
    using action = void (*)(thread_user&, std::uint32_t) noexcept;

    thread_user() noexcept = default;
    ~thread_user() = default;

    /// From here on `end_thread` may be called with the index of a thread that ends, in that
    /// thread, and `recover` with the index of the only thread that a fork has left; never two at
    /// once.
    void begin_use(action end_thread, action recover) noexcept;

    /// Returns when neither of them is running and neither will be called again.
    void end_use() noexcept;

private:
    friend struct thread_users;
    thread_user* next_ = nullptr;
    thread_user* previous_ = nullptr;
    action end_thread_ = nullptr;
    action recover_ = nullptr;
};

/// Makes sure that from here on a fork holds the list of users.
void watch_forks() noexcept;

} // namespace detail

/// Repairs every concurrent pool in the child after a fork of a program with threads: blocks that
/// waited in the magazines of threads that the child does not have become free again, as does what
/// such a thread was about to hand out or take back. Blocks that were live stay live.
///
/// Without this call the child can still use every pool at once; those blocks just stay where they
/// are, covered by the pools' spares.
///
/// Units:      -
/// Complexity: O(capacity) of every concurrent pool.
/// Errors:     none.
/// Threads:    call it in the child, while it has no other thread.
/// Source:     own; POSIX fork.
void recover_after_fork() noexcept;

MILLPOND_NAMESPACE_END
