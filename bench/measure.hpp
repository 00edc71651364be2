// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The measuring instruments, and the two steps that every pattern is made of.
///
/// Throughput is taken from the thread's CPU time, so that a process that shares the core does not
/// count; hot patterns are cut into batches of which the median counts, so that an interrupt
/// spoils one batch and not the figure. Single operations are timed by the time-stamp counter.
///
/// `take` and `give` end in a barrier through which the pool's address escapes together with all
/// of memory. So every contender finds its state in memory at every operation, as it would in a
/// program whose calls lie apart, and none keeps a free list in registers around the loop.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <span>
#include <vector>

#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

namespace millpond::bench {

/// Nanoseconds of CPU time that this thread has used, in user and kernel mode.
inline double cpu_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Nanoseconds of wall-clock time since some moment.
inline double wall_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Ticks before an operation; nothing after it starts earlier, nothing before it is still running.
inline std::uint64_t ticks_before() noexcept {
#if defined(__x86_64__)
    _mm_lfence();
    const std::uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
#else
    return static_cast<std::uint64_t>(wall_ns());
#endif
}

/// Ticks after an operation; what it does has retired, what follows has not started.
inline std::uint64_t ticks_after() noexcept {
#if defined(__x86_64__)
    unsigned processor = 0;
    const std::uint64_t now = __rdtscp(&processor);
    _mm_lfence();
    return now;
#else
    return static_cast<std::uint64_t>(wall_ns());
#endif
}

/// Nanoseconds of one tick, found by comparing both clocks over 20 ms.
inline double ns_per_tick() noexcept {
    const double wall_start = wall_ns();
    const std::uint64_t tick_start = ticks_before();
    while (wall_ns() - wall_start < 20e6) {
    }
    const std::uint64_t tick_end = ticks_after();
    return (wall_ns() - wall_start) / static_cast<double>(tick_end - tick_start);
}

inline double median(std::vector<double> values) noexcept {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Runs `batch` that many times and returns the median of its CPU times.
template <class Batch>
double median_batch_ns(std::size_t batches, Batch&& batch) {
    std::vector<double> times;
    times.reserve(batches);
    for (std::size_t i = 0; i < batches; ++i) {
        const double start = cpu_ns();
        batch();
        times.push_back(cpu_ns() - start);
    }
    return median(std::move(times));
}

/// CPU time of one pass.
template <class Pass>
double pass_ns(Pass&& pass) {
    const double start = cpu_ns();
    pass();
    return cpu_ns() - start;
}

/// Wyrand: a generator of two multiplications, the same for everyone.
class random_source {
public:
    random_source() = default;

    /// Threads draw different numbers: each has a seed of its own.
    explicit random_source(std::uint64_t seed) noexcept
        : state_(seed) {}

    [[nodiscard, gnu::always_inline]] std::uint64_t next() noexcept {
        state_ += 0xa0761d6478bd642fU;
        __extension__ using wide = unsigned __int128;
        const wide product = static_cast<wide>(state_) * (state_ ^ 0xe7037ed1a0b428dbU);
        return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
    }

    /// A number below `limit`, which fits in 32 bits.
    [[nodiscard, gnu::always_inline]] std::size_t below(std::size_t limit) noexcept {
        return static_cast<std::size_t>(((next() & 0xffffffffU) * limit) >> 32);
    }

    template <class T>
    void shuffle(std::span<T> items) noexcept {
        for (std::size_t i = items.size(); i > 1; --i) {
            std::swap(items[i - 1], items[below(i)]);
        }
    }

private:
    std::uint64_t state_ = 0x6d696c6c706f6e64U;
};

[[noreturn, gnu::noinline, gnu::cold]] inline void out_of_blocks() noexcept {
    std::fputs("the contender ran out of blocks\n", stderr);
    std::_Exit(3);
}

/// Writes a word to every 64 bytes of a block and to its end, as a constructor would. First and last
/// word alone would favour blocks that are not aligned: the end of one shares a line with the next.
template <std::size_t Bytes>
[[gnu::always_inline]] inline void touch(void* block, std::uint64_t value) noexcept {
    auto* const bytes = static_cast<unsigned char*>(block);
    for (std::size_t at = 0; at < Bytes; at += 64) {
        std::memcpy(bytes + at, &value, sizeof value);
    }
    std::memcpy(bytes + Bytes - sizeof value, &value, sizeof value);
}

/// Allocates a block and touches it.
template <class Pool>
[[gnu::always_inline]] inline void* take(Pool& pool, std::uint64_t value) {
    void* block = pool.allocate();
    if (block == nullptr) [[unlikely]] {
        out_of_blocks();
    }
    asm volatile("" : "+r"(block) : "r"(&pool) : "memory");
    touch<Pool::block_bytes>(block, value);
    return block;
}

/// Reads a block's first word, as a destructor would, and frees it.
template <class Pool>
[[gnu::always_inline]] inline std::uint64_t give(Pool& pool, void* block) {
    std::uint64_t value = 0;
    std::memcpy(&value, block, sizeof value);
    pool.deallocate(block);
    asm volatile("" : : "r"(&pool) : "memory");
    return value;
}

/// The first word of a block that stays live.
inline std::uint64_t look(const void* block) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, block, sizeof value);
    return value;
}

} // namespace millpond::bench
