// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Other threads for the programs of this folder.

#include <atomic>
#include <thread>

namespace misuse {

/// Runs `body` in a thread of its own, from its beginning to its end.
template <class Body>
void in_another_thread(Body body) {
    std::thread(body).join();
}

/// A thread that does one thing, waits, and does another.
class two_steps {
public:
    template <class First, class Second>
    two_steps(First first, Second second)
        : thread_([this, first, second] {
            first();
            at_.store(1);
            at_.notify_all();
            at_.wait(1);
            second();
        }) {
        at_.wait(0);
    }

    two_steps(const two_steps&) = delete;
    two_steps& operator=(const two_steps&) = delete;
    ~two_steps() = default;

    /// Lets the second thing happen and waits for its end.
    void finish() {
        at_.store(2);
        at_.notify_all();
        thread_.join();
    }

private:
    std::atomic<int> at_ = 0;
    std::thread thread_;
};

} // namespace misuse
