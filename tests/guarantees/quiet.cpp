// SPDX-License-Identifier: MIT
/// \file
/// A prefaulted pool, for one thread or for several, or arena, makes no system call and takes no page
/// fault, whatever is done with it; nor does a resource over pools that has grown before and been used once.
///
///     quiet filtered   runs under a seccomp filter that kills the process for any system call but
///                      write, exit and exit_group
///     quiet faults     the same run without a filter, between two readings of getrusage
///     quiet control    one getpid under the filter: must be killed, or the filter proves nothing
///     quiet control-of-threads   the same in a thread that was there before the filter

#include "millpond/millpond.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "quiet_arenas.hpp"
#include "quiet_crew.hpp"
#include "quiet_resources.hpp"
#include "support/sanitized.hpp"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using namespace millpond::
    guarantees; // NOLINT(google-build-using-namespace): this program is theirs

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

/// Owners and weak pointers of a pool's objects, in places that all calls share.
template <class Pool>
void use_owners(Pool& pool) {
    static std::array<std::shared_ptr<item>, 4096> owners;
    static std::array<std::weak_ptr<item>, 4096> weak;
    for (int step = 0; step < 400'000; ++step) {
        std::shared_ptr<item>& owner = owners[state.next() % owners.size()];
        std::weak_ptr<item>& observer = weak[state.next() % weak.size()];
        switch (state.next() % 4) {
        case 0:
            owner = pool.make_shared(state.next());
            break;
        case 1:
            owner = observer.lock();
            break;
        case 2:
            observer = owner;
            break;
        default:
            owner.reset();
        }
    }
    owners.fill(nullptr);
    weak.fill({});
}

/// Empty to full and back, by handles, in random order; every object is looked up and written to.
void use_handles(millpond::handle_pool<item>& pool) {
    static std::array<millpond::handle<item>, capacity> held{};
    for (int round = 0; round < 5; ++round) {
        std::size_t live = 0;
        while (const auto made = pool.try_create(state.next())) {
            held[live++] = made;
        }
        while (live != 0) {
            std::swap(held[state.next() % live], held[live - 1]);
            if (item* const found = pool.get(held[--live])) {
                found->words[5] = 1;
            }
            pool.destroy(held[live]);
        }
        for (int i = 0; i < 1000; ++i) {
            (void)pool.create(state.next());
        }
        pool.clear();
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
    // TSYNC: for every thread that there is.
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
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

/// Control blocks on memory like the pool's, or at least prefaulted.
template <class Pool>
void prepare(Pool& pool) {
    try {
        pool.reserve_shared();
    } catch (const std::system_error&) {
        pool.reserve_shared({});
    }
}

/// The pools of one run.
struct pools {
    explicit pools(crew& threads) {
        prepare(objects);
        prepare(shared_objects);
        resources.prepare(threads);
    }

    millpond::block_pool blocks = made<millpond::block_pool>(
        millpond::block_pool_options{.name = "quiet",
                                     .block_bytes = sizeof(item),
                                     .capacity = capacity,
                                     .leaks = millpond::leak_policy::ignore});
    millpond::object_pool<item> objects = made<millpond::object_pool<item>>(
        millpond::object_pool_options{.name = "quiet", .capacity = capacity});
    millpond::handle_pool<item> handles = made<millpond::handle_pool<item>>(
        millpond::handle_pool_options{.name = "quiet", .capacity = capacity});
    millpond::concurrent_block_pool shared_blocks = made<millpond::concurrent_block_pool>(
        millpond::concurrent_block_pool_options{.name = "quiet",
                                                .block_bytes = sizeof(item),
                                                .capacity = capacity,
                                                .threads = crew::size});
    millpond::concurrent_object_pool<item> shared_objects =
        made<millpond::concurrent_object_pool<item>>(millpond::concurrent_object_pool_options{
            .name = "quiet", .capacity = capacity, .threads = crew::size});
    millpond::arena scratch =
        made<millpond::arena>(millpond::arena_options{.name = "quiet", .capacity = 100'000});
    millpond::frame_arena frames =
        made<millpond::frame_arena>(millpond::arena_options{.name = "quiet", .capacity = 100'000});
    quiet_resources resources{};

    void use(crew& threads) {
        use_blocks(blocks);
        use_objects(objects);
        use_owners(objects);
        use_owners(shared_objects);
        use_objects(static_items);
        use_handles(handles);
        use_shared_blocks(threads, shared_blocks);
        use_shared_objects(threads, shared_objects);
        const auto next = [] { return state.next(); };
        ends = use_arenas(scratch, frames, next);
        resources.use(threads);
    }

    [[nodiscard]] bool are_sound() {
        return blocks.verify() && objects.verify() && static_items.verify() && handles.verify() &&
               shared_blocks.verify() && shared_objects.verify() && scratch.verify() &&
               frames.verify() && resources.are_sound();
    }

    std::uint64_t ends = 0; ///< objects that arenas have destroyed
};

/// Brings code, stacks and static memory in; what a pool's own pages do is the subject.
void warm_up(crew& threads) {
    pools others(threads);
    others.use(threads);
    state.live = 0;
    (void)faults();
}

int use_without_faults(crew& threads, pools& used) {
    const long before = faults();
    used.use(threads);
    const long taken = faults() - before;
    const std::size_t peak = used.blocks.high_water();
    const std::uint64_t refusals = used.shared_blocks.stats().failures;
    const std::uint64_t full = used.scratch.stats().failures;
    std::printf(
        "%ld page faults; %zu blocks at the peak, %llu refusals, with several threads %llu, "
        "by an arena %llu\n",
        taken,
        peak,
        static_cast<unsigned long long>(used.blocks.stats().failures),
        static_cast<unsigned long long>(refusals),
        static_cast<unsigned long long>(full));
    return taken == 0 && peak == capacity && refusals != 0 && full != 0 && used.ends != 0 ? 0 : 1;
}

} // namespace

int main(int count, char** values) {
    const std::string_view mode = count == 2 ? values[1] : "";
    if (millpond::test::sanitized) {
        std::printf("skipped: a sanitizer or Valgrind makes system calls of its own\n");
        return skipped;
    }
    crew& threads = *new crew; // for as long as there is a process
    warm_up(threads);
    pools used(threads);
    if (mode == "filtered") {
        filter_system_calls();
        used.use(threads);
        const bool sound = used.are_sound();
        say_and_exit(sound ? "no system call\n" : "unsound\n", sound ? 0 : 1);
    }
    if (mode == "faults") {
        const int code = use_without_faults(threads, used);
        std::fflush(stdout);
        _exit(code); // the other threads are still there
    }
    if (mode == "control" || mode == "control-of-threads") {
        const std::size_t caller = mode == "control" ? 0 : 1;
        filter_system_calls();
        threads.together([caller](std::size_t who) { (void)(who == caller ? getpid() : 0); });
        say_and_exit("the filter let getpid pass\n", 0);
    }
    std::fprintf(stderr, "usage: %s filtered | faults | control | control-of-threads\n", values[0]);
    _exit(2);
}
