// SPDX-License-Identifier: MIT
/// \file
/// A handle pool as bytes and back: `snapshot` and `restore` of pool/handle_pool.hpp.

#include "millpond/pool/handle_pool.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "handle_sound.hpp"
#include "support/sanitized.hpp"
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using millpond::handle;
using millpond::handle_pool;
using millpond::test::object_of;

namespace {

struct session {
    std::uint64_t user;
    std::uint64_t started;

    bool operator==(const session&) const = default;
};

using bytes = std::vector<std::byte>;
using session_handle = handle<session>;

/// A pool with a past: some live, some free, some retired slots.
struct past {
    explicit past(std::size_t capacity, std::uint64_t generations = 0)
        : pool({.name = "past", .capacity = capacity, .generations = generations}) {
        std::vector<session_handle> made;
        for (std::uint64_t i = 0; i < capacity * 3 / 4; ++i) {
            made.push_back(pool.create(i, i * i));
        }
        for (std::size_t i = 0; i < made.size(); ++i) {
            if (i % 3 == 1) {
                pool.destroy(made[i]);
                stale.push_back(made[i]);
            } else {
                live.push_back(made[i]);
            }
        }
        live.push_back(
            pool.create(1000U, 1U)); // in a slot of its second generation, if there is one
    }

    [[nodiscard]] bytes taken() const {
        bytes written(pool.snapshot_bytes());
        CHECK(pool.snapshot(written) == written.size());
        return written;
    }

    handle_pool<session> pool;
    std::vector<session_handle> live;
    std::vector<session_handle> stale;
};

/// What differs from the past in another pool; empty when nothing does.
std::string difference(const past& before, const handle_pool<session>& after) {
    for (const session_handle named : before.live) {
        if (after.get(named) == nullptr ||
            object_of(after, named) != object_of(before.pool, named)) {
            return "a live handle leads elsewhere";
        }
    }
    for (const session_handle named : before.stale) {
        if (after.contains(named)) {
            return "a stale handle leads somewhere";
        }
    }
    if (after.size() != before.pool.size() || after.retired() != before.pool.retired()) {
        return "size or retired differ";
    }
    return millpond::test::fault_of_handles(after);
}

/// The text of the refusal; empty when the bytes are accepted.
std::string refusal(handle_pool<session>& pool, std::span<const std::byte> from) {
    try {
        pool.restore(from);
    } catch (const std::invalid_argument& error) {
        return error.what();
    } catch (const millpond::pool_exhausted& error) {
        return error.what();
    }
    return {};
}

// The format, version 1, as far as the tests forge it.
constexpr std::size_t checksum_at = 96;
constexpr std::size_t header_bytes = 104;

std::uint64_t word_at(const bytes& snapshot, std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, &snapshot.at(at), sizeof word);
    return word;
}

void set_word(bytes& snapshot, std::size_t at, std::uint64_t word) {
    std::memcpy(&snapshot.at(at), &word, sizeof word);
}

/// Makes the checksum right again, as somebody with bad intentions would.
bytes with_checksum(bytes snapshot) {
    std::uint64_t sum = 0xcbf29ce484222325U;
    for (std::size_t at = 0; at + 8 <= snapshot.size(); at += 8) {
        sum = (sum ^ (at == checksum_at ? 0 : word_at(snapshot, at))) * 0x100000001b3U;
    }
    set_word(snapshot, checksum_at, sum);
    return snapshot;
}

bytes forged(bytes snapshot, std::size_t at, std::uint64_t word) {
    set_word(snapshot, at, word);
    return with_checksum(std::move(snapshot));
}

/// A refusal changes nothing: not the objects, not the handles.
void require_untouched(handle_pool<session>& pool, session_handle own) {
    REQUIRE(pool.size() == 1);
    REQUIRE(pool.get(own) != nullptr);
    REQUIRE(object_of(pool, own) == session{7, 7});
    REQUIRE(pool.verify());
}

} // namespace

TEST_CASE("handles lead to equal objects or to nothing after a restore in another pool") {
    const past before(100, 1);
    handle_pool<session> after({.name = "after", .capacity = 100});
    const session_handle own = after.create(7U, 7U);
    after.restore(before.taken());
    CHECK(difference(before, after) == "");
    CHECK(!after.contains(own));
    CHECK(after.retired() > 0);
    CHECK(after.high_water() == before.pool.high_water());
}

TEST_CASE("a restore in the same pool takes back what happened since") {
    past before(50);
    const bytes taken = before.taken();
    const past reference(50);
    before.pool.destroy(before.live[0]);
    object_of(before.pool, before.live[1]).started = 99;
    (void)before.pool.create(5U, 5U);
    before.pool.restore(taken);
    CHECK(object_of(before.pool, before.live[0]).user == 0);
    CHECK(object_of(before.pool, before.live[1]).started ==
          object_of(reference.pool, reference.live[1]).started);
    CHECK(difference(before, before.pool) == "");
}

TEST_CASE("a restored pool goes on exactly as the first one does") {
    past before(200, 5);
    handle_pool<session> after({.capacity = 200, .generations = 5});
    after.restore(before.taken());
    std::mt19937_64 random(3);
    for (int step = 0; step < 5000; ++step) {
        if (random() % 2 == 0 || before.pool.empty()) {
            const session_handle one = before.pool.try_create(1U, 1U);
            REQUIRE(after.try_create(1U, 1U) == one);
        } else {
            const std::size_t which = random() % before.pool.size();
            const session_handle named = before.pool.handle_of(before.pool.objects()[which]);
            REQUIRE(after.handle_of(after.objects()[which]) == named);
            before.pool.destroy(named);
            REQUIRE(after.destroy(named));
        }
    }
    CHECK(after.retired() == before.pool.retired());
    CHECK(after.retired() > 0);
    CHECK_HANDLES_SOUND(after);
}

TEST_CASE("an empty pool and a full one and one whose slots are retired come back as they were") {
    handle_pool<session> pool({.capacity = 3, .generations = 1});
    handle_pool<session> after({.capacity = 3, .generations = 1});
    bytes taken(1000);
    const auto comes_back = [&] {
        const std::size_t written = pool.snapshot(taken);
        CHECK(written == pool.snapshot_bytes());
        after.restore(std::span(taken).first(written));
        CHECK_HANDLES_SOUND(after);
        CHECK(after.size() == pool.size());
        CHECK(after.capacity() == pool.capacity());
    };
    comes_back();
    std::vector<session_handle> made;
    for (std::uint64_t i = 0; i < 3; ++i) {
        made.push_back(pool.create(i, i));
    }
    comes_back();
    CHECK(object_of(after, made[2]).user == 2);
    for (const session_handle named : made) {
        pool.destroy(named);
    }
    comes_back();
    CHECK(after.capacity() == 0);
}

TEST_CASE("a snapshot needs as many bytes as it said and refuses one less") {
    const past before(20);
    bytes small(before.pool.snapshot_bytes() - 1);
    CHECK_THROWS_WITH_AS(before.pool.snapshot(small),
                         ("millpond: pool 'past': snapshot: out.size() is " +
                          std::to_string(small.size()) + ", must be at least " +
                          std::to_string(small.size() + 1))
                             .c_str(),
                         std::invalid_argument);
}

TEST_CASE("a snapshot goes through a mapped file into a pool that was made later") {
    const past before(1000);
    std::string path = "/tmp/millpond-snapshot-XXXXXX";
    const int file = mkstemp(path.data());
    REQUIRE(file >= 0);
    const std::size_t size = before.pool.snapshot_bytes();
    REQUIRE(ftruncate(file, static_cast<off_t>(size)) == 0);
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    REQUIRE(mapped != MAP_FAILED);
    CHECK(before.pool.snapshot({static_cast<std::byte*>(mapped), size}) == size);
    munmap(mapped, size);
    close(file);
    const int again = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(again >= 0);
    mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, again, 0);
    REQUIRE(mapped != MAP_FAILED);
    handle_pool<session> after({.capacity = 1, .max_capacity = 1000});
    after.restore({static_cast<const std::byte*>(mapped), size});
    CHECK(difference(before, after) == "");
    munmap(mapped, size);
    close(again);
    unlink(path.c_str());
}

TEST_CASE("a snapshot can be read from any address and with more behind it") {
    const past before(20);
    const bytes taken = before.taken();
    for (std::size_t start = 0; start < 9; ++start) {
        bytes moved(start + taken.size() + 100, std::byte{0x5a});
        std::memcpy(moved.data() + start, taken.data(), taken.size());
        handle_pool<session> after({.capacity = 20});
        after.restore(std::span(moved).subspan(start));
        REQUIRE(difference(before, after) == "");
        bytes written(start + taken.size());
        REQUIRE(after.snapshot(std::span(written).subspan(start)) == taken.size());
        REQUIRE(std::memcmp(written.data() + start, taken.data(), taken.size()) == 0);
    }
}

TEST_CASE("a snapshot that is cut off anywhere is refused and nothing changes") {
    const bytes taken = past(8).taken();
    handle_pool<session> after({.name = "after", .capacity = 8});
    const session_handle own = after.create(7U, 7U);
    for (std::size_t size = 0; size < taken.size(); ++size) {
        const std::string text = refusal(after, std::span(taken).first(size));
        REQUIRE(text == "millpond: pool 'after': snapshot: size is " + std::to_string(size) +
                            ", must be at least " +
                            std::to_string(size < header_bytes ? header_bytes : taken.size()));
        require_untouched(after, own);
    }
}

TEST_CASE("a snapshot of which any byte has changed is refused and nothing changes") {
    bytes taken = past(8, 1).taken();
    handle_pool<session> after({.name = "after", .capacity = 8});
    const session_handle own = after.create(7U, 7U);
    const unsigned step = millpond::test::effort(1U, 5U, 50U);
    for (std::byte& each : taken) {
        for (unsigned change = 1; change < 256; change += step) {
            each ^= static_cast<std::byte>(change);
            REQUIRE(!refusal(after, taken).empty());
            require_untouched(after, own);
            each ^= static_cast<std::byte>(change);
        }
    }
    CHECK(refusal(after, taken).empty());
}

TEST_CASE("a changed snapshot with the right checksum is refused or leaves a sound pool") {
    const past before(12, 2);
    bytes taken = before.taken();
    int accepted = 0;
    int refused = 0;
    const auto attempt = [&](const bytes& snapshot) {
        handle_pool<session> after({.capacity = 12,
                                    .memory = {.source = millpond::memory_source::heap},
                                    .generations = 2});
        if (refusal(after, with_checksum(snapshot)).empty()) {
            ++accepted;
            REQUIRE(millpond::test::fault_of_handles(after) == "");
            while (after.try_create(1U, 1U)) { // takes every free slot
            }
            REQUIRE(millpond::test::fault_of_handles(after) == "");
            after.clear();
            REQUIRE(millpond::test::fault_of_handles(after) == "");
        } else {
            ++refused;
            REQUIRE(after.empty());
            REQUIRE(after.verify());
        }
    };
    for (std::size_t at = 0; at < taken.size(); ++at) {
        for (const unsigned change : {1U, 2U, 3U, 4U, 8U, 0x80U, 0xffU}) {
            bytes changed = taken;
            changed[at] ^= static_cast<std::byte>(change);
            attempt(changed);
        }
    }
    std::mt19937_64 random(5);
    for (int round = 0; round < millpond::test::effort(20'000, 5000, 300); ++round) {
        bytes changed = taken;
        for (std::size_t times = 1 + random() % 3; times != 0; --times) {
            const std::size_t to = random() % (taken.size() / 8) * 8;
            const std::size_t from = random() % (taken.size() / 8) * 8;
            const std::uint64_t word = word_at(changed, from);
            set_word(changed, from, word_at(changed, to));
            set_word(changed, to, random() % 4 == 0 ? word + 1 : word);
        }
        attempt(changed);
    }
    CHECK(accepted > 100);
    CHECK(refused > 1000);
}

TEST_CASE("a snapshot that does not fit says what is wrong and where") {
    const bytes taken = past(8).taken();
    handle_pool<session> after({.name = "p", .capacity = 8});
    const std::string where = "millpond: pool 'p': snapshot, byte ";
    bytes other = taken;
    other[8] = std::byte{1};
    CHECK(refusal(after, other).starts_with(where + "8: byte order is "));
    CHECK(refusal(after, forged(taken, 0, 5)).starts_with(where + "0: magic is 5, must be "));
    CHECK(refusal(after, forged(taken, 16, 2)) == where + "16: version is 2, must be 1");
    CHECK(refusal(after, forged(taken, 32, 8)) == where + "32: object size is 8, must be 16");
    CHECK(refusal(after, forged(taken, 40, 4)) == where + "40: object alignment is 4, must be 8");
    CHECK(refusal(after, forged(taken, 48, 4)) == where + "48: slot bits is 4, must be 3");
    CHECK(refusal(after, forged(taken, 56, 0)) == where + "56: tag is 0, must be 1 to 255");
    CHECK(refusal(after, forged(taken, 64, 9)) ==
          "millpond: pool 'p' is exhausted: capacity 8, peak 0");
    CHECK(refusal(after, forged(taken, 72, 7)) ==
          where + "72: known slots is 7, must be at most 6");
    CHECK(refusal(after, forged(taken, 80, 7)) == where + "80: objects is 7, must be at most 6");
    CHECK(refusal(after, forged(taken, 88, 1)) ==
          where + "88: high water is 1, must be at least 6");
    other = taken;
    other[checksum_at] ^= std::byte{1};
    CHECK(refusal(after, other).starts_with(where + "96: checksum is "));
    const std::size_t first_word = header_bytes;
    CHECK(refusal(after, forged(taken, first_word, word_at(taken, first_word) | 1ULL << 56)) ==
          where + "104: state of a slot is 1, must be 0, 2 or 3");
    CHECK(refusal(after, forged(taken, first_word, word_at(taken, first_word) + 1)) ==
          where + "104: position of an object's slot is 1, must be its own and below 5");
}

TEST_CASE("slots that share a position or have none are refused") {
    handle_pool<session> pool({.capacity = 8});
    std::vector<session_handle> made(8);
    for (session_handle& named : made) {
        named = pool.create(1U, 1U);
    }
    for (const std::size_t i : {1U, 3U, 5U}) { // the free slots are 5, 3, 1, at positions 5, 6, 7
        pool.destroy(made[i]);
    }
    bytes taken(pool.snapshot_bytes());
    (void)pool.snapshot(taken);
    handle_pool<session> after({.name = "p", .capacity = 8});
    CHECK(refusal(after, taken).empty());
    const auto slot_at = [](std::size_t slot) { return header_bytes + 8 * slot; };
    const auto with_position = [&](std::size_t slot, std::uint64_t position) {
        return forged(taken, slot_at(slot), (word_at(taken, slot_at(slot)) & ~7ULL) | position);
    };
    const std::string where = "millpond: pool 'p': snapshot, byte ";
    CHECK(refusal(after, with_position(3, 7)) ==
          where + "128: position of a free slot is 7, must be its own and at least 5");
    CHECK(refusal(after, with_position(3, 0)) ==
          where + "128: position of a free slot is 0, must be its own and at least 5");
    CHECK(refusal(after, with_position(0, 6)) ==
          where + "104: position of an object's slot is 6, must be its own and below 5");
    // A slot that claims to be retired leaves the owners one short.
    CHECK(refusal(after, forged(taken, slot_at(3), word_at(taken, slot_at(3)) | 1ULL << 56)) ==
          where + "72: known slots is 8, must be 7");
}

TEST_CASE("a snapshot with more objects than a pool may hold is refused as exhaustion") {
    const bytes taken = past(1000).taken(); // 750 slots of 10 bits
    handle_pool<session> small({.name = "small", .capacity = 10, .max_capacity = 600});
    const session_handle own = small.create(7U, 7U);
    CHECK(refusal(small, taken) == "millpond: pool 'small' is exhausted: capacity 600, peak 1");
    require_untouched(small, own);
    handle_pool<session> wide({.name = "wide", .capacity = 10, .max_capacity = 5000});
    CHECK(refusal(wide, taken) ==
          "millpond: pool 'wide': snapshot, byte 48: slot bits is 10, must be 13");
}
