// SPDX-License-Identifier: MIT
/// \file
/// The operating system and the heap refuse their k-th call, for every k: construction throws and
/// leaves nothing, growth fails and leaves the pool as it was.
///
/// Linked with --wrap, so that the library's calls come here first.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/handle_pool.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>
#include <sys/mman.h>

namespace {

/// What the wrappers below do and have seen since `arm`.
struct fault_plan {
    bool armed = false;
    int calls_before_failure = 0;
    bool met = false;           ///< the failure has happened
    std::ptrdiff_t mapped = 0;  ///< bytes mapped and not unmapped
    std::ptrdiff_t on_heap = 0; ///< blocks from calloc that were not freed
    std::vector<void*> heap_blocks;

    /// True for the one call that is to fail.
    bool fails_now() {
        if (!armed || met || calls_before_failure-- > 0) {
            return false;
        }
        met = true;
        errno = ENOMEM;
        return true;
    }
};

fault_plan plan;

} // namespace

extern "C" {
// The names are the linker's: --wrap=mmap sends calls of mmap to __wrap_mmap.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __real_mmap(void* address, std::size_t bytes, int rights, int flags, int file, off_t offset);
int __real_munmap(void* address, std::size_t bytes);
int __real_mprotect(void* address, std::size_t bytes, int rights);
int __real_madvise(void* address, std::size_t bytes, int advice);
int __real_mlock(const void* address, std::size_t bytes);
void* __real_calloc(std::size_t count, std::size_t bytes);
void __real_free(void* block);

void* __wrap_mmap(void* address, std::size_t bytes, int rights, int flags, int file, off_t offset) {
    if (plan.fails_now()) {
        return MAP_FAILED;
    }
    void* const mapping = __real_mmap(address, bytes, rights, flags, file, offset);
    if (plan.armed && mapping != MAP_FAILED && (flags & MAP_FIXED) == 0) {
        plan.mapped += static_cast<std::ptrdiff_t>(bytes);
    }
    return mapping;
}

int __wrap_munmap(void* address, std::size_t bytes) {
    plan.mapped -= plan.armed ? static_cast<std::ptrdiff_t>(bytes) : 0;
    return __real_munmap(address, bytes);
}

int __wrap_mprotect(void* address, std::size_t bytes, int rights) {
    return plan.fails_now() ? -1 : __real_mprotect(address, bytes, rights);
}

int __wrap_madvise(void* address, std::size_t bytes, int advice) {
    return plan.fails_now() ? -1 : __real_madvise(address, bytes, advice);
}

int __wrap_mlock(const void* address, std::size_t bytes) {
    return plan.fails_now() ? -1 : __real_mlock(address, bytes);
}

void* __wrap_calloc(std::size_t count, std::size_t bytes) {
    if (plan.fails_now()) {
        return nullptr;
    }
    void* const block = __real_calloc(count, bytes);
    if (plan.armed) {
        ++plan.on_heap;
        plan.heap_blocks.push_back(block);
    }
    return block;
}

void __wrap_free(void* block) {
    if (plan.armed && std::erase(plan.heap_blocks, block) != 0) {
        --plan.on_heap;
    }
    __real_free(block);
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}

namespace {

/// Lets the k-th wrapped call fail while it lives.
class armed_fault {
public:
    explicit armed_fault(int k) {
        plan = {};
        plan.heap_blocks.reserve(16);
        plan.calls_before_failure = k;
        plan.armed = true;
    }

    armed_fault(const armed_fault&) = delete;
    armed_fault& operator=(const armed_fault&) = delete;

    ~armed_fault() { plan.armed = false; }
};

constexpr int no_failure = 1'000'000;
constexpr std::size_t page = 4096;

struct walk_result {
    int failure_points = 0;
    int refused = 0;    ///< of them, how many made the construction throw
    int unreported = 0; ///< of them, how many neither threw nor show in the statistics
};

/// Constructs the pool with every call failing once; the last round is one without a failure.
walk_result walk_construction(const millpond::block_pool_options& options) {
    walk_result result;
    for (int k = 0;; ++k) {
        CAPTURE(k);
        std::string text;
        int error = 0;
        {
            const armed_fault fault(k);
            try {
                millpond::block_pool pool(options);
                plan.calls_before_failure = no_failure;
                void* const block = pool.allocate();
                pool.deallocate(block);
                CHECK_SOUND(pool);
                if (plan.met && pool.stats().page_size_error != ENOMEM) {
                    ++result.unreported;
                }
            } catch (const std::system_error& refusal) {
                text = refusal.what();
                error = refusal.code().value();
            }
            CHECK(plan.mapped == 0);
            CHECK(plan.on_heap == 0);
        }
        if (!plan.met) {
            CHECK(text == "");
            return result;
        }
        ++result.failure_points;
        if (!text.empty()) {
            ++result.refused;
            CHECK(error == ENOMEM);
            CHECK(text.starts_with("millpond: pool 'faulty': cannot "));
            CHECK(text.find(" bytes in pages of ") != std::string::npos);
            CHECK(text.ends_with(": Cannot allocate memory"));
        }
    }
}

/// Grows a full pool by one block with every call failing once.
int walk_growth(const millpond::memory_options& memory, bool prefault) {
    int failure_points = 0;
    for (int k = 0;; ++k) {
        CAPTURE(k);
        millpond::block_pool pool({.name = "faulty",
                                   .block_bytes = page,
                                   .capacity = 4,
                                   .max_capacity = 2000,
                                   .prefault = prefault,
                                   .memory = memory});
        std::vector<void*> blocks(4);
        pool.allocate_bulk(blocks);
        const std::size_t committed = pool.stats().bytes_committed;
        void* grown = nullptr;
        {
            const armed_fault fault(k);
            grown = pool.try_allocate();
        }
        CHECK((grown == nullptr) == plan.met);
        if (!plan.met) {
            pool.clear();
            return failure_points;
        }
        ++failure_points;
        CHECK(pool.stats().growth_error == ENOMEM);
        CHECK(pool.stats().failures == 1);
        CHECK(pool.capacity() == 4);
        CHECK(pool.stats().bytes_committed == committed);
        CHECK_SOUND(pool);
        {
            const armed_fault fault(k);
            CHECK_THROWS_WITH_AS((void)pool.allocate(),
                                 "millpond: pool 'faulty' is exhausted: capacity 4, peak 4; "
                                 "growing was refused: Cannot allocate memory",
                                 millpond::pool_exhausted);
        }
        {
            const armed_fault fault(k);
            CHECK_THROWS_AS(pool.reserve(100), millpond::pool_exhausted);
        }
        {
            const armed_fault fault(k);
            std::vector<void*> out(3);
            CHECK_THROWS_AS(pool.allocate_bulk(out), millpond::pool_exhausted);
        }
        CHECK(pool.size() == 4);
        CHECK(pool.high_water() == 4);
        pool.deallocate(blocks[2]);
        CHECK(pool.allocate() == blocks[2]);
        CHECK(pool.allocate() != nullptr); // the system is willing again
        CHECK(pool.stats().growth_error == 0);
        CHECK_SOUND(pool);
        pool.clear();
    }
}

} // namespace

TEST_CASE("a mapped pool whose construction is refused at any point throws and leaves nothing") {
    const walk_result walked =
        walk_construction({.name = "faulty", .block_bytes = 64, .capacity = 1000});
    CHECK(walked.failure_points >= 4); // two reservations, two commits
    CHECK(walked.refused == walked.failure_points);
}

TEST_CASE("a locked and prefaulted and guarded pool that is refused at any point leaves nothing") {
    const walk_result walked = walk_construction({.name = "faulty",
                                                  .block_bytes = 64,
                                                  .capacity = 1000,
                                                  .max_capacity = 100'000,
                                                  .prefault = true,
                                                  .memory = {.lock = true, .guard_pages = true}});
    CHECK(walked.failure_points >= 8); // reserve, commit, lock, populate; twice
    CHECK(walked.refused == walked.failure_points);
}

TEST_CASE("a pool on the heap that is refused at any point throws and leaves nothing") {
    const walk_result walked =
        walk_construction({.name = "faulty",
                           .block_bytes = 64,
                           .capacity = 1000,
                           .memory = {.source = millpond::memory_source::heap}});
    CHECK(walked.failure_points == 2);
    CHECK(walked.refused == 2);
}

TEST_CASE("a refused page size falls back and is reported when a fallback is allowed") {
    for (const auto pages : {millpond::page_size::transparent_huge,
                             millpond::page_size::huge_2mib,
                             millpond::page_size::huge_1gib}) {
        const walk_result walked = walk_construction(
            {.name = "faulty", .block_bytes = 64, .capacity = 1000, .memory = {.pages = pages}});
        CHECK(walked.failure_points >= 5);
        CHECK(walked.refused < walked.failure_points);
        CHECK(walked.unreported <= 1); // the metadata's page size, for which nobody asked
    }
}

TEST_CASE("a refused page size is an error when no fallback is allowed") {
    const walk_result walked = walk_construction(
        {.name = "faulty",
         .block_bytes = 64,
         .capacity = 1000,
         .memory = {.pages = millpond::page_size::transparent_huge, .huge_page_fallback = false}});
    CHECK(walked.failure_points >= 6);
    CHECK(walked.refused == walked.failure_points - 1);
    CHECK(walked.unreported == 1); // the metadata's page size, for which nobody asked
}

TEST_CASE("growth that is refused at any point leaves the pool as it was and usable") {
    CHECK(walk_growth({}, false) >= 1);
}

TEST_CASE("growth of a locked and prefaulted pool that is refused leaves it as it was and usable") {
    CHECK(walk_growth({.lock = true, .guard_pages = true}, true) >= 3);
}

TEST_CASE("a discard that is refused gives nothing back and harms nothing") {
    millpond::block_pool pool({.name = "faulty", .block_bytes = page, .capacity = 100});
    std::vector<void*> blocks(100);
    pool.allocate_bulk(blocks);
    for (void* const block : blocks) {
        *static_cast<char*>(block) = 'x';
    }
    pool.deallocate_bulk(blocks);
    {
        const armed_fault fault(0);
        CHECK(pool.shrink() == 0);
    }
    CHECK(plan.met);
    CHECK_SOUND(pool);
    CHECK(pool.shrink() == 100 * page);
    CHECK_SOUND(pool);
}

namespace {

struct large_object {
    std::array<std::byte, page> bytes{};
};

} // namespace

TEST_CASE("a handle pool that is refused at any point of its construction leaves nothing") {
    int refused = 0;
    for (int k = 0;; ++k) {
        const armed_fault fault(k);
        try {
            millpond::handle_pool<large_object> pool(
                {.name = "faulty", .capacity = 10, .prefault = true, .memory = {.lock = true}});
            CHECK(pool.create());
        } catch (const std::system_error& refusal) {
            ++refused;
            CHECK(refusal.code().value() == ENOMEM);
        }
        CHECK(plan.mapped == 0);
        if (!plan.met) {
            break;
        }
    }
    CHECK(refused >= 8); // reserve, commit, lock, populate; twice
}

TEST_CASE("a handle pool whose growth is refused stays as it was and can grow later") {
    millpond::handle_pool<large_object> pool(
        {.name = "faulty", .capacity = 4, .max_capacity = 900});
    const std::array made = {pool.create(), pool.create(), pool.create(), pool.create()};
    {
        const armed_fault fault(0);
        CHECK(!pool.try_create());
        CHECK(plan.met);
    }
    {
        const armed_fault fault(0);
        CHECK_THROWS_WITH_AS(pool.create(),
                             "millpond: pool 'faulty' is exhausted: capacity 4, peak 4; "
                             "growing was refused: Cannot allocate memory",
                             millpond::pool_exhausted);
    }
    CHECK(pool.size() == 4);
    CHECK(pool.stats().growth_error == ENOMEM);
    CHECK_SOUND(pool);
    CHECK(pool.create());
    CHECK(pool.contains(made[3]));
    CHECK_SOUND(pool);
}

TEST_CASE("a restore that the system refuses memory for changes nothing") {
    millpond::handle_pool<large_object> many({.name = "many", .capacity = 800});
    millpond::handle_pool<large_object> pool(
        {.name = "faulty", .capacity = 4, .max_capacity = 900});
    for (int i = 0; i < 700; ++i) {
        (void)many.create();
    }
    std::vector<std::byte> taken(many.snapshot_bytes());
    (void)many.snapshot(taken);
    const millpond::handle<large_object> own = pool.create();
    {
        const armed_fault fault(0);
        CHECK_THROWS_AS(pool.restore(taken), millpond::pool_exhausted);
        CHECK(plan.met);
    }
    CHECK(pool.size() == 1);
    CHECK(pool.contains(own));
    CHECK_SOUND(pool);
    pool.restore(taken);
    CHECK(pool.size() == 700);
}
