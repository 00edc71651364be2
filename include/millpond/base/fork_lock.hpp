// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A lock for rare events, which a fork never leaves locked in the child. The compiled part is
/// `src/fork_lock.cpp`.

#include "millpond/base/config.hpp"

#include <mutex>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// A mutex that a forking thread holds across the fork. Whoever holds one may lock another that was
/// made before it, as a resource's upstream is; forks lock them in that order too.
class fork_lock {
public:
    fork_lock() noexcept;
    fork_lock(const fork_lock&) = delete;
    fork_lock& operator=(const fork_lock&) = delete;
    ~fork_lock();

    void lock() noexcept { mutex_.lock(); }

    void unlock() noexcept { mutex_.unlock(); }

private:
    friend struct fork_locks;

    std::mutex mutex_;
    fork_lock* next_ = nullptr; ///< made before this one
    fork_lock* previous_ = nullptr;
};

} // namespace detail

MILLPOND_NAMESPACE_END
