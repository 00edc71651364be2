// SPDX-License-Identifier: MIT
/// \file
/// Who has which thread index, and who is told when a thread ends.

#include "millpond/base/thread_index.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <mutex>

#include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// All users, in a list behind a lock that only construction, destruction, the end of a thread and
/// a fork take.
struct thread_users {
    std::mutex lock;
    thread_user* first = nullptr;

    static thread_users& all() noexcept;

    void add(thread_user& user) noexcept {
        const std::lock_guard guard(lock);
        user.next_ = first;
        user.previous_ = nullptr;
        if (first != nullptr) {
            first->previous_ = &user;
        }
        first = &user;
    }

    void remove(thread_user& user) noexcept {
        const std::lock_guard guard(lock);
        (user.previous_ != nullptr ? user.previous_->next_ : first) = user.next_;
        if (user.next_ != nullptr) {
            user.next_->previous_ = user.previous_;
        }
    }

    void end_thread(std::uint32_t index) noexcept {
        const std::lock_guard guard(lock);
        for (thread_user* user = first; user != nullptr; user = user->next_) {
            user->end_thread_(*user, index);
        }
    }

    void recover(std::uint32_t own_index) noexcept {
        const std::lock_guard guard(lock);
        for (thread_user* user = first; user != nullptr; user = user->next_) {
            user->recover_(*user, own_index);
        }
    }
};

/// Not inside the class: there it would be inline, and libraries of one process that each hold a
/// copy of this file would share one list but have thread indices of their own.
thread_users& thread_users::all() noexcept {
    // Never destroyed: threads and static pools may end after every destructor of this file.
    alignas(thread_users) static std::array<std::byte, sizeof(thread_users)> place;
    static thread_users& only = *::new (place.data()) thread_users;
    static const bool watching_forks = os::on_fork(
        [] { all().lock.lock(); }, [] { all().lock.unlock(); }, [] { all().lock.unlock(); });
    (void)watching_forks;
    return only;
}

constinit thread_local std::uint32_t thread_index = no_thread_index;

namespace {

/// One bit per index, 1 = taken. Index 255 is never given out.
constinit std::array<std::atomic<std::uint64_t>, 4> taken{0, 0, 0, std::uint64_t{1} << 63};

std::uint32_t take_index() noexcept {
    for (std::uint32_t word = 0; word < taken.size(); ++word) {
        std::uint64_t now = taken[word].load(std::memory_order_relaxed);
        while (~now != 0) {
            const std::uint64_t bit = ~now & (now + 1);
            // Acquire pairs with the release in return_index(): what the last holder of this index
            // left in a pool's magazine is seen whole.
            now = taken[word].fetch_or(bit, std::memory_order_acquire);
            if ((now & bit) == 0) {
                return word * 64 + static_cast<std::uint32_t>(std::countr_zero(bit));
            }
        }
    }
    return no_thread_index;
}

void return_index(std::uint32_t index) noexcept {
    // Release pairs with the acquire in take_index().
    taken[index / 64].fetch_and(~(std::uint64_t{1} << (index % 64)), std::memory_order_release);
}

constinit thread_local bool ended = false;

/// Its destructor runs when the thread ends; destructors of the thread that run even later may use
/// any pool, as a thread without an index.
struct thread_end {
    thread_end() noexcept = default;
    thread_end(const thread_end&) = delete;
    thread_end& operator=(const thread_end&) = delete;

    ~thread_end() {
        const std::uint32_t index = thread_index;
        ended = true;
        if (index == no_thread_index) {
            return;
        }
        thread_users::all().end_thread(index);
        thread_index = no_thread_index;
        return_index(index);
    }

    bool awaited = false;
};

thread_local thread_end at_thread_end;

} // namespace

std::uint32_t claim_thread_index() noexcept {
    if (thread_index == no_thread_index && !ended) {
        thread_index = take_index();
        at_thread_end.awaited = true; // the first use is what registers the destructor
    }
    return thread_index;
}

void thread_user::begin_use(action end_thread, action recover) noexcept {
    end_thread_ = end_thread;
    recover_ = recover;
    thread_users::all().add(*this);
}

void watch_forks() noexcept {
    (void)thread_users::all();
}

void thread_user::end_use() noexcept {
    thread_users::all().remove(*this);
}

} // namespace detail

void recover_after_fork() noexcept {
    const std::uint32_t own = detail::thread_index;
    detail::thread_users::all().recover(own);
    for (std::uint32_t index = 0; index < detail::thread_indices; ++index) {
        if (index != own) {
            detail::return_index(index);
        }
    }
}

MILLPOND_NAMESPACE_END
