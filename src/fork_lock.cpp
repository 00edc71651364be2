// SPDX-License-Identifier: MIT
/// \file
/// All fork locks, and holding them across a fork.

#include "millpond/base/fork_lock.hpp"

#include "millpond/base/thread_index.hpp"

#include <array>
#include <cstddef>
#include <new>

#include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The newest first, behind a lock that construction, destruction and a fork take.
struct fork_locks {
    std::mutex lock;
    fork_lock* newest = nullptr;

    static fork_locks& all() noexcept;

    void add(fork_lock& one) noexcept {
        const std::lock_guard guard(lock);
        one.next_ = newest;
        if (newest != nullptr) {
            newest->previous_ = &one;
        }
        newest = &one;
    }

    void remove(fork_lock& one) noexcept {
        const std::lock_guard guard(lock);
        (one.previous_ != nullptr ? one.previous_->next_ : newest) = one.next_;
        if (one.next_ != nullptr) {
            one.next_->previous_ = one.previous_;
        }
    }

    void hold() noexcept {
        lock.lock();
        for (fork_lock* one = newest; one != nullptr; one = one->next_) {
            one->lock();
        }
    }

    void let_go() noexcept {
        for (fork_lock* one = newest; one != nullptr; one = one->next_) {
            one->unlock();
        }
        lock.unlock();
    }
};

/// Not inside the class, for the reason given at thread_users::all().
fork_locks& fork_locks::all() noexcept {
    // Never destroyed: static resources may end after every destructor of this file.
    alignas(fork_locks) static std::array<std::byte, sizeof(fork_locks)> place;
    static fork_locks& only = *::new (place.data()) fork_locks;
    // The system calls what was registered last first: whoever holds a fork lock may lock the list
    // of threads' users, never the other way round.
    static const bool watching_forks = [] {
        watch_forks();
        return os::on_fork([] { all().hold(); }, [] { all().let_go(); }, [] { all().let_go(); });
    }();
    (void)watching_forks;
    return only;
}

fork_lock::fork_lock() noexcept {
    fork_locks::all().add(*this);
}

fork_lock::~fork_lock() {
    fork_locks::all().remove(*this);
}

} // namespace detail

MILLPOND_NAMESPACE_END
