// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A program with busy threads that forks, and what its children may do.

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "pool/child.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <unistd.h>

namespace millpond::test {

/// How long a child may take before it counts as stuck.
inline constexpr unsigned stuck_s = 60;

/// True, and says why, where such a program cannot be watched.
inline bool skips_forks() {
    if (MILLPOND_TEST_THREAD_SANITIZER != 0) {
        skip("ThreadSanitizer follows no fork of a program with threads");
        return true;
    }
    if (MILLPOND_VALGRIND != 0) {
        skip("Valgrind takes what the threads left that a child does not have for leaks");
        return true;
    }
    return false;
}

/// Threads that call `work(number)` without pause, each with its own number from 0, while it lives. Each
/// has done so once when the constructor returns.
class busy_crew {
public:
    template <class Work>
    busy_crew(std::size_t count, Work work) {
        for (std::size_t number = 0; number < count; ++number) {
            crew_.emplace_back([this, work, number] {
                work(number);
                ++begun_;
                while (!stop_) {
                    work(number);
                }
            });
        }
        // A thread that starts may hold a lock of the heap, for which a child would wait for ever.
        while (begun_ < count) {
            std::this_thread::yield();
        }
    }

    busy_crew(const busy_crew&) = delete;
    busy_crew& operator=(const busy_crew&) = delete;

    ~busy_crew() {
        stop_ = true;
        for (std::thread& one : crew_) {
            one.join();
        }
    }

private:
    std::atomic<bool> stop_ = false;
    std::atomic<std::size_t> begun_ = 0;
    std::vector<std::thread> crew_;
};

/// In a child: says what is wrong and ends it.
inline void require(bool holds, const std::string& what) {
    if (!holds) {
        const std::string line = what + "\n";
        (void)!write(STDERR_FILENO, line.data(), line.size());
        _exit(1);
    }
}

/// Forks so often, and has each child call `child(round)`, which must not end it or get stuck.
template <class Child>
void check_children(int forks, Child child) {
    for (int round = 0; round < forks; ++round) {
        const auto result = run_in_child([&child, round] {
            alarm(stuck_s);
            child(round);
        });
        REQUIRE(result.error_output == "");
        REQUIRE(result.signal == 0);
        REQUIRE(result.code == 0);
    }
}

} // namespace millpond::test
