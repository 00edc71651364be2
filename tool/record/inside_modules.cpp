// SPDX-License-Identifier: MIT
/// \file
/// Which files are mapped where, so that a return address can be named later. The list is written
/// when the process begins, and when the dynamic loader has loaded or unloaded something since: that
/// is asked whenever a buffer begins and whenever a site appears that is not known yet.

#include <cerrno>
#include <cstring>
#include <new>

#include "record/inside.hpp"
#include "record/inside_buffer.hpp"
#include "trace/facts.hpp"
#include "trace/packet_kind.hpp"
#include <link.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

namespace millpond::tool::inside {
namespace {

std::atomic<std::uint64_t> written{~std::uint64_t{0}}; // the loader's counts at the last list
std::atomic<std::uint32_t> packets{0};
std::atomic<std::uint32_t> lists{0};

/// Sites that were looked at since the last list, one a slot: asking the loader takes its lock. More slots than a
/// buffer has, because a program with more sites spells them out again and again. A library that takes the place of
/// another and calls from the very same addresses is noticed when the next buffer begins.
std::atomic<std::uint64_t> seen[8192];

std::atomic<std::uint64_t>& seen_place(std::uint64_t site) noexcept {
    return seen[(site * 0x9E3779B97F4A7C15ULL) >> 51U];
}

// The loader's lock is not set free in a forked child, so a fork waits for the threads that hold it here, and
// nobody asks while there is a fork. A child that a signal handler forks while its thread asks counts below 0.
std::atomic<std::int32_t> asking{0};
std::atomic<std::int32_t> forking{0};

/// The right to ask the loader, unless a thread forks: that one may hold what others need, or be this one, so it
/// is not waited for.
class loader_access {
public:
    loader_access() noexcept {
        asking.fetch_add(1, std::memory_order_seq_cst);
        granted_ = forking.load(std::memory_order_seq_cst) == 0;
    }

    ~loader_access() { asking.fetch_sub(1, std::memory_order_release); }

    loader_access(const loader_access&) = delete;
    loader_access& operator=(const loader_access&) = delete;

    explicit operator bool() const noexcept { return granted_; }

private:
    bool granted_;
};

/// Who asks is done in a microsecond, but may have to wait for its processor, or for code of the program's that
/// the loader calls. Whatever that waits for, the fork comes after a second.
void before_fork() noexcept {
    const int error = errno;
    forking.fetch_add(1, std::memory_order_seq_cst);
    // A signal handler that forks may have stopped this very thread asking.
    const bool inside = self.quick == inside_recorder;
    for (int i = 0; i < 1000 && !inside && asking.load(std::memory_order_seq_cst) > 0; ++i) {
        const timespec millisecond{0, 1'000'000};
        nanosleep(&millisecond, nullptr);
    }
    errno = error;
}

void after_fork() noexcept {
    forking.fetch_sub(1, std::memory_order_release);
}

void after_fork_in_child() noexcept {
    asking.store(0, std::memory_order_relaxed);
    forking.store(0, std::memory_order_relaxed);
}

/// The packets of one list, opened one after the other as they fill up.
struct list_writer {
    std::uint32_t list;
    alignas(fact_buffer) unsigned char place[sizeof(fact_buffer)];
    fact_buffer* buffer = nullptr;

    void open() noexcept {
        close();
        buffer = ::new (static_cast<void*>(place))
            fact_buffer(packet_kind::modules, packets.fetch_add(1, std::memory_order_relaxed));
    }

    void close() noexcept {
        if (buffer != nullptr) {
            buffer->~fact_buffer();
            buffer = nullptr;
        }
    }
};

int count_changes(dl_phdr_info* info, std::size_t /*size*/, void* into) noexcept {
    *static_cast<std::uint64_t*>(into) = (info->dlpi_adds << 32U) | (info->dlpi_subs & 0xFFFFFFFFU);
    return 1;
}

int write_module(dl_phdr_info* info, std::size_t /*size*/, void* into) noexcept {
    auto& to = *static_cast<list_writer*>(into);
    module_fact fact;
    fact.list = to.list;
    fact.base = info->dlpi_addr;
    fact.first = ~std::uint64_t{0};
    for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
        const auto& part = info->dlpi_phdr[i];
        if (part.p_type == PT_LOAD && part.p_memsz != 0) {
            const std::uint64_t first = info->dlpi_addr + part.p_vaddr;
            const std::uint64_t last = first + part.p_memsz - 1;
            fact.first = first < fact.first ? first : fact.first;
            fact.last = last > fact.last ? last : fact.last;
        }
    }
    if (fact.first > fact.last) {
        return 0;
    }
    char program[4096];
    const char* path = info->dlpi_name;
    std::size_t length = path == nullptr ? 0 : std::strlen(path);
    if (length == 0) { // the program itself
        const ssize_t got = readlink("/proc/self/exe", program, sizeof program);
        path = program;
        length = got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    fact.path_bytes = static_cast<std::uint32_t>(length);
    if (!to.buffer->fits(sizeof fact + length)) {
        to.open();
    }
    if (to.buffer->put(&fact, sizeof fact)) {
        to.buffer->put(path, length);
    }
    return 0;
}

} // namespace

void reset_modules() noexcept {
    written.store(~std::uint64_t{0}, std::memory_order_relaxed);
    packets.store(0, std::memory_order_relaxed);
    lists.store(0, std::memory_order_relaxed);
}

bool keep_loader_through_forks() noexcept {
    return pthread_atfork(before_fork, after_fork, after_fork_in_child) == 0;
}

void note_site(std::uint64_t site) noexcept {
    std::atomic<std::uint64_t>& place = seen_place(site);
    if (place.load(std::memory_order_relaxed) != site && note_modules()) {
        place.store(site, std::memory_order_relaxed);
    }
}

bool note_modules() noexcept {
    const loader_access access;
    if (!access) {
        return false;
    }
    std::uint64_t changes = 0;
    dl_iterate_phdr(count_changes, &changes);
    if (written.exchange(changes, std::memory_order_relaxed) == changes) {
        return true;
    }
    for (auto& site : seen) {
        site.store(0, std::memory_order_relaxed);
    }
    list_writer to{lists.fetch_add(1, std::memory_order_relaxed), {}, nullptr};
    to.open();
    dl_iterate_phdr(write_module, &to);
    to.close();
    return true;
}

} // namespace millpond::tool::inside
