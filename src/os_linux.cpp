// SPDX-License-Identifier: MIT
/// \file
/// The contract of os.hpp on Linux.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <limits>

#include "os.hpp"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// Kernel interfaces newer than the C library that we compile against.
#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_HUGE_SHIFT
#    define MAP_HUGE_SHIFT 26
#endif
#ifndef PR_SET_VMA
#    define PR_SET_VMA 0x53564d41
#endif
#ifndef PR_SET_VMA_ANON_NAME
#    define PR_SET_VMA_ANON_NAME 0
#endif

MILLPOND_NAMESPACE_BEGIN

namespace os {

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

// On 32-bit systems there are two, one for each size of the seconds in a timespec.
#ifdef SYS_futex_time64
constexpr long futex_number = sizeof(std::time_t) > sizeof(long) ? SYS_futex_time64 : SYS_futex;
#else
constexpr long futex_number = SYS_futex;
#endif

int outcome(int result) noexcept {
    return result == 0 ? 0 : errno;
}

std::size_t standard_page_bytes() noexcept {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

std::size_t page_bytes(page_size pages) noexcept {
    switch (pages) {
    case page_size::huge_2mib:
        return 2 * mebibyte;
    case page_size::huge_1gib:
        return 1024 * mebibyte;
    case page_size::standard:
    case page_size::transparent_huge:
        break;
    }
    return standard_page_bytes();
}

std::size_t address_space_bytes() noexcept {
    rlimit limit{};
    const bool is_limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return is_limited ? limit.rlim_cur : ~std::size_t{0};
}

int reserve(std::size_t bytes, std::size_t alignment, std::byte** address) noexcept {
    const std::size_t page = standard_page_bytes();
    const std::size_t slack = alignment > page ? alignment - page : 0;
    if (bytes > SIZE_MAX - slack) {
        return ENOMEM;
    }
    void* const mapping =
        mmap(nullptr, bytes + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) {
        return errno;
    }
    auto* const start = static_cast<std::byte*>(mapping);
    const std::size_t before =
        (alignment - reinterpret_cast<std::uintptr_t>(start) % alignment) % alignment;
    if (before != 0) {
        munmap(start, before);
    }
    if (slack > before) {
        munmap(start + before + bytes, slack - before);
    }
    *address = start + before;
    return 0;
}

int back_with_huge_pages(std::byte* address, std::size_t bytes, page_size pages) noexcept {
    const int log2_page = pages == page_size::huge_1gib ? 30 : 21;
    // No MAP_NORESERVE: if there are too few huge pages, that must show here, not as a SIGBUS.
    void* const mapping =
        mmap(address,
             bytes,
             PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB | (log2_page << MAP_HUGE_SHIFT),
             -1,
             0);
    if (mapping != MAP_FAILED) {
        return 0;
    }
    const int error = errno;
    // MAP_FIXED may have removed the old reservation before it failed: put it back. If that fails
    // too, there is no range left, and releasing it later does nothing.
    (void)mmap(
        address, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    return error;
}

int advise_huge(std::byte* address, std::size_t bytes) noexcept {
    return outcome(madvise(address, bytes, MADV_HUGEPAGE));
}

int commit(std::byte* address, std::size_t bytes) noexcept {
    return outcome(mprotect(address, bytes, PROT_READ | PROT_WRITE));
}

int make_readable(std::byte* address, std::size_t bytes) noexcept {
    return outcome(mprotect(address, bytes, PROT_READ));
}

void decommit(std::byte* address, std::size_t bytes, bool readable) noexcept {
    munlock(address, bytes);
    (void)discard(address, bytes);
    mprotect(address, bytes, readable ? PROT_READ : PROT_NONE);
}

int populate(std::byte* address, std::size_t bytes) noexcept {
    if (madvise(address, bytes, MADV_POPULATE_WRITE) == 0) {
        return 0;
    }
    if (errno == ENOMEM || errno == EFAULT || errno == EHWPOISON) {
        return errno; // there is no memory, and touching it would end the program
    }
    // A kernel before 5.14, or a sandbox that forbids advice: write once per page, without changing
    // its contents.
    for (std::size_t offset = 0; offset < bytes; offset += standard_page_bytes()) {
        auto* const byte = reinterpret_cast<volatile unsigned char*>(address + offset);
        *byte = *byte;
    }
    return 0;
}

int lock(std::byte* address, std::size_t bytes) noexcept {
    return outcome(mlock(address, bytes));
}

int discard(std::byte* address, std::size_t bytes) noexcept {
    return outcome(madvise(address, bytes, MADV_DONTNEED));
}

std::size_t resident_bytes(std::byte* address, std::size_t bytes) noexcept {
    const std::size_t page = standard_page_bytes();
    std::array<unsigned char, 4096> present{};
    std::size_t resident = 0;
    for (std::size_t offset = 0; offset < bytes; offset += present.size() * page) {
        const std::size_t span = std::min(present.size() * page, bytes - offset);
        if (mincore(address + offset, span, present.data()) != 0) {
            break;
        }
        const auto pages = static_cast<std::ptrdiff_t>((span + page - 1) / page);
        resident += page * static_cast<std::size_t>(std::count_if(
                               present.begin(), present.begin() + pages, [](unsigned char flags) {
                                   return (flags & 1) != 0;
                               }));
    }
    return resident;
}

void name(std::byte* address, std::size_t bytes, const char* text) noexcept {
    // The kernel takes 80 bytes and refuses a few characters; a refusal costs only the name.
    std::array<char, 80> label{};
    std::snprintf(label.data(), label.size(), "millpond:%s", text);
    prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, address, bytes, label.data());
}

void release(std::byte* address, std::size_t bytes) noexcept {
    munmap(address, bytes);
}

bool on_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    return pthread_atfork(before, in_parent, in_child) == 0;
}

void sleep_on(std::uint32_t& word, std::uint32_t expected, std::chrono::nanoseconds most) noexcept {
    constexpr std::int64_t per_second = 1'000'000'000;
    const std::int64_t ns = most.count() > 0 ? most.count() : 0;
    timespec timeout{};
    timeout.tv_sec = static_cast<std::time_t>(
        std::min<std::int64_t>(ns / per_second, std::numeric_limits<std::time_t>::max()));
    timeout.tv_nsec = static_cast<long>(ns % per_second);
    syscall(futex_number, &word, FUTEX_WAIT_PRIVATE, expected, &timeout, nullptr, 0);
}

void wake_one(std::uint32_t& word) noexcept {
    const int error = errno; // a signal handler must leave it as it was
    syscall(futex_number, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    errno = error;
}

void write_error(const char* text, std::size_t bytes) noexcept {
    while (bytes > 0) {
        const ssize_t written = ::write(STDERR_FILENO, text, bytes);
        if (written <= 0) {
            if (written < 0 && errno == EINTR) {
                continue;
            }
            return;
        }
        text += written;
        bytes -= static_cast<std::size_t>(written);
    }
}

} // namespace os

MILLPOND_NAMESPACE_END
