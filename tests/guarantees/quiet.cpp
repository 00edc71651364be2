// SPDX-License-Identifier: MIT
/// \file
/// A prefaulted pool makes no system call and takes no page fault, whatever is done with it.
///
///     quiet filtered   runs under a seccomp filter that kills the process for any system call but
///                      write, exit and exit_group
///     quiet faults     the same run without a filter, between two readings of getrusage
///     quiet control    one getpid under the filter: must be killed, or the filter proves nothing

#include "millpond/millpond.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include "support/sanitized.hpp"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int skipped = 77;
constexpr std::size_t capacity = 20'000;

struct item {
    explicit item(std::uint64_t first)
        : words{first} {}

    std::array<std::uint64_t, 6> words;
};

/// Everything that the run needs besides the pools, in memory that was touched before.
struct run_state {
    std::array<void*, capacity> blocks{};
    std::size_t live = 0;
    std::uint64_t random = 88172645463325252U;

    std::uint64_t next() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        return random;
    }
};

run_state state;
constinit millpond::static_object_pool<item, 1000> static_items(millpond::pool_name("static"));

/// Writes into the block too: its page must be there.
void keep(void* block) {
    if (block != nullptr) {
        std::memset(block, 0x5a, sizeof(item));
        state.blocks[state.live++] = block;
    }
}

void give_any(millpond::block_pool& pool) {
    if (state.live != 0) {
        std::swap(state.blocks[state.next() % state.live], state.blocks[state.live - 1]);
        pool.deallocate(state.blocks[--state.live]);
    }
}

void bulk(millpond::block_pool& pool) {
    const std::size_t wanted = state.next() % 100;
    if (state.next() % 2 == 0) {
        const std::size_t room = std::min(wanted, capacity - state.live);
        const std::span<void*> out(&state.blocks[state.live], room);
        state.live += pool.try_allocate_bulk(out);
    } else {
        const std::size_t some = std::min(wanted, state.live);
        state.live -= some;
        pool.deallocate_bulk(std::span(&state.blocks[state.live], some));
    }
}

/// Levels wander between empty and full, so that every path is taken: front, magazine, eviction,
/// words, fresh blocks, exhaustion.
void use_blocks(millpond::block_pool& pool) {
    for (int step = 0; step < 2'000'000; ++step) {
        const bool growing = step / 60'000 % 2 == 0;
        if (state.next() % 64 == 0) {
            bulk(pool);
        } else if (state.next() % 4 != 0 ? growing : !growing) {
            keep(pool.try_allocate());
        } else {
            give_any(pool);
        }
        if (step % 700'000 == 699'999) {
            pool.clear();
            state.live = 0;
        }
    }
}

template <class Pool>
void use_objects(Pool& pool) {
    for (int round = 0; round < 20; ++round) {
        while (pool.try_create(state.next()) != nullptr) {
        }
        std::uint64_t sum = 0;
        for (item& object : pool) {
            sum += object.words[0];
            if (sum % 3 != 0) {
                pool.destroy(&object);
            }
        }
        if (round % 5 == 4) {
            pool.clear();
        }
    }
}

void filter_system_calls() {
    std::array<sock_filter, 8> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{6, program.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        std::printf("skipped: seccomp filters are not available: %s\n", std::strerror(errno));
        std::fflush(stdout);
        _exit(skipped);
    }
}

long faults() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

[[noreturn]] void say_and_exit(const char* text, int code) {
    const auto ignored = write(STDOUT_FILENO, text, std::strlen(text));
    static_cast<void>(ignored);
    _exit(code);
}

/// Locked where this process may, else only prefaulted.
template <class Pool, class Options>
Pool made(Options options) {
    options.prefault = true;
    options.memory.lock = true;
    try {
        return Pool(options);
    } catch (const std::system_error&) {
        options.memory.lock = false;
        return Pool(options);
    }
}

void use_all(millpond::block_pool& blocks, millpond::object_pool<item>& objects) {
    use_blocks(blocks);
    use_objects(objects);
    use_objects(static_items);
}

/// Brings code, stack and static memory in; what a pool's own pages do is the subject.
void warm_up() {
    auto blocks = made<millpond::block_pool>(millpond::block_pool_options{
        .block_bytes = sizeof(item), .capacity = capacity, .leaks = millpond::leak_policy::ignore});
    auto objects =
        made<millpond::object_pool<item>>(millpond::object_pool_options{.capacity = capacity});
    use_all(blocks, objects);
    state.live = 0;
    (void)faults();
}

} // namespace

int main(int count, char** values) {
    const char* const mode = count == 2 ? values[1] : "";
    if (millpond::test::sanitized) {
        std::printf("skipped: a sanitizer or Valgrind makes system calls of its own\n");
        return skipped;
    }
    warm_up();
    auto blocks = made<millpond::block_pool>(
        millpond::block_pool_options{.name = "quiet",
                                     .block_bytes = sizeof(item),
                                     .capacity = capacity,
                                     .leaks = millpond::leak_policy::ignore});
    auto objects = made<millpond::object_pool<item>>(
        millpond::object_pool_options{.name = "quiet", .capacity = capacity});
    if (std::strcmp(mode, "filtered") == 0) {
        filter_system_calls();
        use_all(blocks, objects);
        const bool sound = blocks.verify() && objects.verify() && static_items.verify();
        say_and_exit(sound ? "no system call\n" : "unsound\n", sound ? 0 : 1);
    }
    if (std::strcmp(mode, "faults") == 0) {
        const long before = faults();
        use_all(blocks, objects);
        const long taken = faults() - before;
        std::printf("%ld page faults; %zu blocks at the peak, %llu refusals\n",
                    taken,
                    blocks.high_water(),
                    static_cast<unsigned long long>(blocks.stats().failures));
        return taken == 0 && blocks.high_water() == capacity ? 0 : 1;
    }
    if (std::strcmp(mode, "control") == 0) {
        filter_system_calls();
        (void)getpid();
        say_and_exit("the filter let getpid pass\n", 0);
    }
    std::fprintf(stderr, "usage: %s filtered | faults | control\n", values[0]);
    return 2;
}
