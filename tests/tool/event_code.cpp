// SPDX-License-Identifier: MIT
#include "trace/event_code.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace millpond::tool;

namespace {

struct coder {
    std::array<std::uint64_t, site_slots> sites{};
    event_context context;

    coder() { context.sites = sites.data(); }
};

bool same(const raw_event& a, const raw_event& b) {
    return a.tick == b.tick && a.size == b.size && a.address == b.address &&
           a.old_address == b.old_address && a.site == b.site && a.op == b.op &&
           a.alignment_log2 == b.alignment_log2;
}

/// A number of a random length: short ones must be as likely as long ones.
std::uint64_t any_length(std::mt19937_64& random) {
    return random() >> (random() % 64);
}

raw_event random_event(std::mt19937_64& random, std::uint64_t tick) {
    raw_event what;
    what.op = static_cast<std::uint8_t>(random() % 5);
    what.tick = tick;
    what.address = any_length(random);
    what.site = random() % 2 == 0 ? random() % 2000 : any_length(random);
    if (what.op != raw_free) {
        what.size = any_length(random);
    }
    if (what.op == raw_reallocate) {
        what.old_address = any_length(random);
    }
    if (what.op == raw_allocate_aligned) {
        what.alignment_log2 = static_cast<std::uint8_t>(random() % 64);
    }
    return what;
}

std::size_t encoded_size(coder& to, const raw_event& what) {
    std::array<unsigned char, event_bytes_max + event_slack_bytes> out{};
    bool entered = false;
    return static_cast<std::size_t>(encode_event(out.data(), to.context, what, entered) -
                                    out.data());
}

} // namespace

TEST_CASE("every event comes back as it was, whatever its numbers") {
    std::mt19937_64 random(7);
    coder in;
    std::vector<raw_event> events;
    std::vector<unsigned char> bytes;
    std::uint64_t tick = 0;
    for (int i = 0; i < 100'000; ++i) {
        tick += random() % 16 == 0 ? random() % (std::uint64_t{1} << 34U) : random() % 300;
        events.push_back(random_event(random, tick));
        std::array<unsigned char, event_bytes_max + event_slack_bytes> out{};
        bool entered = false;
        const unsigned char* const end =
            encode_event(out.data(), in.context, events.back(), entered);
        REQUIRE(static_cast<std::size_t>(end - out.data()) <= event_bytes_max);
        bytes.insert(bytes.end(), out.data(), const_cast<unsigned char*>(end));
    }
    coder back;
    const unsigned char* at = bytes.data();
    const unsigned char* const end = at + bytes.size();
    for (const raw_event& expected : events) {
        raw_event what;
        REQUIRE(decode_event(at, end, back.context, what) == decoded::event);
        REQUIRE(same(what, expected));
    }
    raw_event what;
    CHECK(decode_event(at, end, back.context, what) == decoded::end);
}

TEST_CASE("the longest event reaches the stated bound less what two kinds never share") {
    coder aligned;
    const raw_event largest_aligned{
        ~std::uint64_t{0} / 2, ~std::uint64_t{0}, 1U << 3U, 0, 77, raw_allocate_aligned, 63};
    CHECK(encoded_size(aligned, largest_aligned) == event_bytes_max - 8);
    coder moved;
    const raw_event largest_moved{
        ~std::uint64_t{0} / 2, ~std::uint64_t{0}, 1U << 3U, 0, 77, raw_reallocate, 0};
    CHECK(encoded_size(moved, largest_moved) == event_bytes_max - 1);
}

TEST_CASE("a usual pair of events takes eight bytes each or less") {
    coder one;
    raw_event what;
    what.address = 0x5555'5555'0000;
    what.size = 40;
    what.site = 0x5555'0000'1234;
    encoded_size(one, what);
    what.address += 48;
    what.tick += 20;
    CHECK(encoded_size(one, what) <= 8);
    what.op = raw_free;
    what.size = 0;
    what.site += 16;
    encoded_size(one, what);
    CHECK(encoded_size(one, what) <= 8);
}

TEST_CASE("bytes that no encoder writes are called malformed, and nothing is read past the end") {
    std::mt19937_64 random(11);
    std::size_t malformed = 0;
    for (int i = 0; i < 200'000; ++i) {
        // Exactly as long as it says: an address sanitizer sees a read past the end.
        std::vector<unsigned char> bytes(random() % 40);
        for (unsigned char& byte : bytes) {
            byte = static_cast<unsigned char>(random());
        }
        coder one;
        const unsigned char* at = bytes.data();
        const unsigned char* const end = at + bytes.size();
        raw_event what;
        decoded result = decoded::event;
        while (result == decoded::event) {
            result = decode_event(at, end, one.context, what);
            REQUIRE(at <= end);
        }
        malformed += result == decoded::malformed ? 1U : 0U;
    }
    CHECK(malformed > 150'000);
}
