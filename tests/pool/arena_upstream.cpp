// SPDX-License-Identifier: MIT
/// \file
/// An arena over an upstream: its own memory first, then chunks from there; what goes back, and when.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapt/upstream.hpp"
#include "arena_objects.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::arena;
using millpond::frame_arena;
using millpond::test::checking_upstream;
using millpond::test::destroyed;
using millpond::test::noted;

namespace {

/// A buffer on the stack, and an arena that begins there.
struct on_stack {
    explicit on_stack(std::size_t bytes = 256)
        : home({.name = "stack",
                .capacity = bytes,
                .memory = {.source = millpond::memory_source::buffer, .buffer = buffer}},
               &upstream) {}

    [[nodiscard]] bool is_in_buffer(const void* block) const {
        const auto offset = reinterpret_cast<std::uintptr_t>(block) -
                            reinterpret_cast<std::uintptr_t>(buffer.data());
        return offset < buffer.size();
    }

    alignas(16) std::array<std::byte, 1024> buffer{};
    checking_upstream upstream;
    arena home;
};

/// Takes so many blocks and fills them.
std::vector<unsigned char*> fill(arena& home, std::size_t blocks, std::size_t bytes) {
    std::vector<unsigned char*> all;
    for (std::size_t i = 0; i < blocks; ++i) {
        all.push_back(static_cast<unsigned char*>(home.allocate(bytes)));
        std::memset(all.back(), static_cast<int>(i % 251), bytes);
    }
    return all;
}

bool is_filled(const std::vector<unsigned char*>& blocks, std::size_t bytes) {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        for (std::size_t k = 0; k < bytes; ++k) {
            if (blocks[i][k] != i % 251) {
                return false;
            }
        }
    }
    return true;
}

} // namespace

TEST_CASE("an arena over an upstream asks it for nothing before its own memory is full") {
    on_stack it;
    std::vector<void*> blocks;
    for (int i = 0; i < 16; ++i) {
        blocks.push_back(it.home.allocate(16));
        CHECK(it.is_in_buffer(blocks.back()));
    }
    CHECK(it.home.available() == 0);
    CHECK(it.upstream.calls() == 0);
    CHECK_FALSE(it.is_in_buffer(it.home.allocate(1)));
    CHECK(it.upstream.calls() == 1);
    CHECK(it.home.upstream_resource() == &it.upstream);
    CHECK_SOUND(it.home);
}

TEST_CASE("an arena without an upstream is bounded by its own memory, as ever") {
    arena home({.capacity = 256, .memory = {.source = millpond::memory_source::heap}});
    (void)home.allocate(256, 1);
    CHECK(home.try_allocate(1) == nullptr);
    CHECK_THROWS_AS((void)home.allocate(1), millpond::pool_exhausted);
    CHECK(home.upstream_resource() == nullptr);
    CHECK(home.max_capacity() == 256);
}

TEST_CASE("mapped memory grows to its maximum before the upstream is asked") {
    checking_upstream upstream;
    arena home({.capacity = 100, .max_capacity = 10'000'000}, &upstream);
    for (int i = 0; i < 1'000; ++i) {
        (void)home.allocate(10'000, 1);
    }
    CHECK(upstream.calls() == 0);
    (void)home.allocate(10'000, 1);
    CHECK(upstream.calls() == 1);
    CHECK_SOUND(home);
}

TEST_CASE("chunks double, so that a million bytes take a dozen calls of the upstream") {
    on_stack it;
    const auto blocks = fill(it.home, 10'000, 100);
    CHECK(is_filled(blocks, 100));
    CHECK(it.upstream.calls() <= 13);
    CHECK(it.upstream.bytes() < 4'000'000);
    CHECK(it.home.size() >= 1'000'000);
    CHECK(it.home.size() <= 10'000 * 112 + 16);
    CHECK(it.home.high_water() == it.home.size());
    CHECK(it.home.stats().bytes_committed >= it.upstream.bytes());
    for (const unsigned char* const block : blocks) {
        REQUIRE(it.home.owns(block));
    }
    CHECK_FALSE(it.home.owns(&blocks));
    CHECK_SOUND(it.home);
}

TEST_CASE("a block larger than all before it gets a chunk that holds it, whatever its alignment") {
    on_stack it;
    for (const std::size_t alignment : {1U, 16U, 64U, 4'096U, 65'536U}) {
        auto* const block = static_cast<std::byte*>(it.home.allocate(1'000'000, alignment));
        CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
        std::memset(block, 1, 1'000'000);
    }
    CHECK(it.upstream.fault() == "");
    CHECK_SOUND(it.home);
}

TEST_CASE("a rewind keeps the chunks, so that the same work asks the upstream nothing again") {
    on_stack it;
    const arena::mark_type start = it.home.mark();
    (void)fill(it.home, 1'000, 100);
    const std::size_t calls = it.upstream.calls();
    const std::size_t bytes = it.upstream.bytes();
    for (int round = 0; round < 5; ++round) {
        it.home.rewind(start);
        CHECK(it.home.size() == 0);
        CHECK(it.is_in_buffer(it.home.allocate(16)));
        CHECK(is_filled(fill(it.home, 999, 100), 100));
        CHECK_SOUND(it.home);
    }
    it.home.clear();
    CHECK(it.upstream.calls() == calls);
    CHECK(it.upstream.bytes() == bytes);
    CHECK(it.home.capacity() > 100'000);
}

TEST_CASE("shrink returns the chunks that nothing lies in, and no others") {
    on_stack it;
    (void)fill(it.home, 100, 100);
    const arena::mark_type middle = it.home.mark();
    const std::size_t bytes = it.upstream.bytes();
    CHECK(it.home.shrink() == 0); // all of them are in use
    (void)fill(it.home, 10'000, 100);
    const std::size_t more = it.upstream.bytes() - bytes;
    it.home.rewind(middle);
    CHECK(it.home.shrink() == more);
    CHECK(it.upstream.bytes() == bytes);
    (void)fill(it.home, 1'000, 100);
    CHECK_SOUND(it.home);
}

TEST_CASE("release destroys what there is and returns every chunk, and the arena goes on") {
    on_stack it;
    destroyed.clear();
    (void)fill(it.home, 1'000, 100);
    (void)it.home.create<noted<8, 8>>(7);
    it.home.release();
    CHECK(destroyed == std::vector<int>{7});
    CHECK(it.home.size() == 0);
    CHECK(it.home.capacity() == 256);
    CHECK(it.upstream.bytes() == 0);
    CHECK(it.is_in_buffer(it.home.allocate(16)));
    (void)fill(it.home, 1'000, 100);
    CHECK_SOUND(it.home);
}

TEST_CASE("the end of an arena destroys what is left in every chunk and returns them all") {
    checking_upstream upstream;
    destroyed.clear();
    {
        arena home({.capacity = 100, .memory = {.source = millpond::memory_source::heap}},
                   &upstream);
        for (int i = 0; i < 200; ++i) {
            (void)home.create<noted<40, 32>>(i);
            (void)home.allocate(50);
        }
        CHECK(upstream.blocks() > 2);
    }
    CHECK(upstream.bytes() == 0);
    CHECK(upstream.fault() == "");
    REQUIRE(destroyed.size() == 200);
    CHECK(destroyed.front() == 199); // the newest first
    CHECK(destroyed.back() == 0);
}

TEST_CASE("scopes end in whatever chunk they began") {
    on_stack it;
    destroyed.clear();
    for (int depth = 0; depth < 3; ++depth) {
        arena::scope outer(it.home);
        (void)fill(it.home, 30, 100);
        const std::size_t before = it.home.size();
        const auto kept = fill(it.home, 10, 100);
        const std::size_t between = it.home.size();
        {
            arena::scope inner(it.home);
            (void)it.home.create<noted<8, 8>>(depth);
            (void)fill(it.home, 3'000, 100);
        }
        CHECK(destroyed.back() == depth);
        CHECK(it.home.size() == between);
        CHECK(between > before);
        CHECK(is_filled(kept, 100));
    }
    CHECK(it.home.size() == 0);
    CHECK_SOUND(it.home);
}

TEST_CASE("the last block of a chunk can be freed, one of an older chunk waits for the rewind") {
    on_stack it;
    void* const older = it.home.allocate(200);
    void* const newer = it.home.allocate(200);
    const std::size_t size = it.home.size();
    it.home.deallocate(older, 200);
    CHECK(it.home.size() == size);
    it.home.deallocate(newer, 200);
    CHECK(it.home.size() == size - 200);
    CHECK(it.home.allocate(200) == newer);
    CHECK_SOUND(it.home);
}

TEST_CASE(
    "a constructor that throws leaves an arena over an upstream as it was, in whatever chunk") {
    struct throws_later {
        explicit throws_later(arena& home) {
            (void)fill(home, 500, 100);
            throw std::runtime_error("later");
        }

        std::array<char, 300> bytes{};
    };

    on_stack it;
    for (int i = 0; i < 20; ++i) {
        const std::size_t before = it.home.size();
        CHECK_THROWS_AS((void)it.home.create<throws_later>(it.home), std::runtime_error);
        CHECK(it.home.size() == before);
        CHECK_SOUND(it.home);
        (void)it.home.allocate(100);
    }
}

TEST_CASE("a destructor may use the arena, and go on in another chunk than its object's") {
    static arena* home_of_all = nullptr;

    struct busy {
        explicit busy(int given)
            : number(given) {}

        ~busy() {
            arena::scope mine(*home_of_all);
            (void)fill(*home_of_all, 100, 100);
            destroyed.push_back(number);
        }

        int number;
    };

    on_stack it;
    home_of_all = &it.home;
    destroyed.clear();
    for (int i = 0; i < 10; ++i) {
        (void)it.home.create<busy>(i);
    }
    const arena::mark_type middle = it.home.mark();
    for (int i = 10; i < 30; ++i) {
        (void)it.home.create<busy>(i);
    }
    it.home.rewind(middle);
    CHECK(destroyed.size() == 20);
    (void)it.home.create<busy>(30);
    it.home.clear();
    CHECK(destroyed.size() == 31);
    CHECK(destroyed.back() == 0);
    CHECK_SOUND(it.home);
}

TEST_CASE("an arena whose upstream refuses is full, and has lost nothing, wherever that happens") {
    int refused = 0;
    for (int call = 0; call < 8; ++call) {
        on_stack it;
        it.upstream.refuse_after(call);
        std::vector<unsigned char*> blocks;
        for (std::size_t i = 0; i < 1'000; ++i) {
            void* block = it.home.try_allocate(100);
            if (block == nullptr) {
                ++refused;
                CHECK(it.home.stats().failures == 1);
                CHECK_SOUND(it.home);
                block = it.home.allocate(100); // it has relented
            }
            blocks.push_back(static_cast<unsigned char*>(block));
            std::memset(block, static_cast<int>(i % 251), 100);
        }
        CHECK(is_filled(blocks, 100));
        CHECK(it.upstream.fault() == "");
    }
    CHECK(refused >= 6);
    on_stack it;
    it.upstream.refuse_after(0, 1'000);
    (void)it.home.allocate(256, 1);
    CHECK_THROWS_AS((void)it.home.allocate(1), millpond::pool_exhausted);
    CHECK(it.home.try_make_array<int>(100).empty());
    CHECK(it.home.try_duplicate("text").data() == nullptr);
    CHECK(it.home.try_create<noted<8, 8>>(1) == nullptr);
}

TEST_CASE("a size that no upstream has is refused before it is asked") {
    on_stack it;
    (void)it.home.allocate(256, 1);
    CHECK(it.home.try_allocate(SIZE_MAX) == nullptr);
    CHECK(it.home.try_allocate(SIZE_MAX - 16, 16) == nullptr);
    CHECK(it.home.try_allocate(1, std::size_t{1} << 63) == nullptr);
    CHECK(it.home.try_make_array<std::uint64_t>(SIZE_MAX / 8).empty());
    CHECK_FALSE(it.home.try_reserve(SIZE_MAX));
    CHECK(it.upstream.calls() == 0);
    CHECK_SOUND(it.home);
}

TEST_CASE("reserve takes one chunk for all that is missing") {
    on_stack it;
    (void)it.home.allocate(100);
    it.home.reserve(50'000);
    CHECK(it.home.capacity() >= 50'000);
    CHECK(it.upstream.calls() == 1);
    CHECK(it.home.try_reserve(50'000));
    CHECK(it.upstream.calls() == 1);
    (void)fill(it.home, 400, 100);
    CHECK(it.upstream.calls() == 1);
    it.upstream.refuse_after(0);
    CHECK_FALSE(it.home.try_reserve(5'000'000));
    it.upstream.refuse_after(0);
    CHECK_THROWS_AS(it.home.reserve(5'000'000), millpond::pool_exhausted);
    CHECK_SOUND(it.home);
}

TEST_CASE("kept chunks that are too small are passed over by one block, and serve the next ones") {
    on_stack it;
    (void)fill(it.home, 30, 100);
    it.home.clear();
    const std::size_t calls = it.upstream.calls();
    (void)it.home.allocate(256, 1);
    (void)it.home.allocate(500'000);
    CHECK(it.upstream.calls() == calls + 1);
    CHECK_SOUND(it.home);
    it.home.clear();
    CHECK_SOUND(it.home);
    const auto blocks = fill(it.home, 4'490, 100);
    CHECK(is_filled(blocks, 100));
    CHECK(it.upstream.calls() == calls + 1);
    CHECK_SOUND(it.home);
}

TEST_CASE("containers on an arena over an upstream outgrow its buffer") {
    on_stack it;
    millpond::arena_resource memory(it.home);
    {
        std::pmr::vector<std::pmr::string> words(&memory);
        for (int i = 0; i < 1'000; ++i) {
            words.emplace_back("a text that is too long to lie in a string " + std::to_string(i));
        }
        CHECK(words[999].back() == '9');
    }
    CHECK(it.upstream.calls() > 0);
    it.home.release();
    CHECK(it.upstream.bytes() == 0);
}

TEST_CASE("frames over an upstream grow to what a frame needs and then ask for no more") {
    checking_upstream upstream;
    {
        frame_arena frames({.capacity = 100, .memory = {.source = millpond::memory_source::heap}},
                           &upstream);
        std::size_t calls = 0;
        for (int frame = 0; frame < 10; ++frame) {
            const auto blocks = fill(frames.current(), 500, 100);
            CHECK(is_filled(blocks, 100));
            if (frame == 2) {
                calls = upstream.calls();
            }
            frames.next_frame();
        }
        CHECK(upstream.calls() == calls);
        CHECK(frames.verify());
        frames.next_frame();
        CHECK(frames.shrink() > 0);
        CHECK(upstream.bytes() == 0);
    }
    CHECK(upstream.fault() == "");
}
