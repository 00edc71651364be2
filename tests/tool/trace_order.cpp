// SPDX-License-Identifier: MIT
/// \file
/// Events whose stamps are wrong in each of the ways in which a processor or a scheduler makes them
/// wrong, and what the reader makes of them.

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "temporary_folder.hpp"
#include "trace/event_code.hpp"
#include "trace/facts.hpp"
#include "trace/packet_file.hpp"
#include "trace/reader.hpp"
#include <doctest/doctest.h>

using namespace millpond::tool;
using millpond::test::temporary_folder;

namespace {

constexpr std::uint64_t tick_is_a_nanosecond = 1'000'000;
constexpr std::uint64_t place_x = 0x1000;
constexpr std::uint64_t place_y = 0x2000;

raw_event get(std::uint64_t tick, std::uint64_t address, std::uint64_t size) {
    raw_event what;
    what.tick = tick;
    what.address = address;
    what.size = size;
    return what;
}

raw_event put_back(std::uint64_t tick, std::uint64_t address) {
    raw_event what = get(tick, address, 0);
    what.op = raw_free;
    return what;
}

raw_event move(std::uint64_t tick, std::uint64_t from, std::uint64_t to, std::uint64_t size) {
    raw_event what = get(tick, to, size);
    what.op = raw_reallocate;
    what.old_address = from;
    return what;
}

void write_thread(packet_writer& writer,
                  std::uint32_t thread,
                  const std::vector<raw_event>& events) {
    std::array<std::uint64_t, site_slots> sites{};
    event_context context;
    context.sites = sites.data();
    std::vector<unsigned char> bytes(events.size() * event_bytes_max + event_slack_bytes);
    unsigned char* end = bytes.data();
    bool entered = false;
    for (const raw_event& what : events) {
        end = encode_event(end, context, what, entered);
    }
    packet_head head;
    head.kind = packet_kind::events;
    head.thread = thread;
    head.events = static_cast<std::uint32_t>(events.size());
    writer.append(head, std::as_bytes(std::span(bytes.data(), end)));
}

/// The order that the reader makes of it, as text: +size, -size, old>new.
struct outcome {
    std::string order;
    process tables;
};

outcome order_of(const std::vector<std::vector<raw_event>>& threads) {
    const temporary_folder folder;
    {
        packet_writer writer(folder / "a.trace", tick_is_a_nanosecond);
        const process_fact fact;
        packet_head head;
        head.kind = packet_kind::process;
        writer.append(head, std::as_bytes(std::span(&fact, 1)));
        for (std::uint32_t thread = 0; thread < threads.size(); ++thread) {
            write_thread(writer, thread, threads[thread]);
        }
        writer.finish(tick_is_a_nanosecond);
    }
    trace_reader reader(folder / "a.trace");
    outcome found;
    std::map<std::uint64_t, std::uint64_t> sizes;
    std::uint64_t last = 0;
    reader.for_each(0, [&](const event& what) {
        CHECK(what.time_ns >= last);
        last = what.time_ns;
        found.order += found.order.empty() ? "" : " ";
        if (what.op == operation::free) {
            found.order += "-" + std::to_string(sizes.at(what.block));
        } else if (what.op == operation::reallocate) {
            found.order +=
                std::to_string(sizes.at(what.previous)) + ">" + std::to_string(what.size_bytes);
        } else {
            found.order += "+" + std::to_string(what.size_bytes);
        }
        sizes[what.block] = what.op == operation::free ? sizes[what.block] : what.size_bytes;
    });
    found.tables = reader.processes()[0];
    return found;
}

} // namespace

TEST_CASE("threads are joined by the clock where it is right") {
    const outcome found = order_of({{get(10, place_x, 1), put_back(30, place_x)},
                                    {get(20, place_y, 2), put_back(40, place_y)}});
    CHECK(found.order == "+1 +2 -1 -2");
}

TEST_CASE("an address handed out before its free by the clock waits for that free") {
    const outcome found = order_of({{get(10, place_x, 1), put_back(100, place_x)},
                                    {get(90, place_x, 2), put_back(200, place_x)}});
    CHECK(found.order == "+1 -1 +2 -2");
    CHECK(found.tables.inferred_frees == 0);
    CHECK(found.tables.unmatched_frees == 0);
}

TEST_CASE("a free stamped before the allocation it frees waits for that allocation") {
    const outcome found = order_of({{get(100, place_x, 1)}, {put_back(95, place_x)}});
    CHECK(found.order == "+1 -1");
    CHECK(found.tables.unmatched_frees == 0);
}

TEST_CASE("a free that waits is found behind other events of the thread it waits for") {
    const outcome found =
        order_of({{get(90, place_y, 7), put_back(98, place_y), get(100, place_x, 1)},
                  {put_back(95, place_x)}});
    CHECK(found.order == "+7 -7 +1 -1");
    CHECK(found.tables.unmatched_frees == 0);
}

TEST_CASE("a thread suspended inside realloc has given its old address back before its stamp") {
    // Thread 1 gets the old address at 20; thread 0 wakes up ten milliseconds later.
    const outcome found = order_of({{get(10, place_x, 1), move(10'000'000, place_x, place_y, 2)},
                                    {get(20, place_x, 3), put_back(30, place_x)}});
    CHECK(found.order == "+1 1>2 +3 -3");
    CHECK(found.tables.inferred_frees == 0);
}

TEST_CASE("chains of misplaced events come into order") {
    // 1 waits for 0 to give x back, 2 waits for 1 to give y back, and all stamps are upside down.
    const outcome found = order_of({{get(10, place_x, 1), put_back(50, place_x)},
                                    {get(11, place_y, 2), move(45, place_y, place_x, 3)},
                                    {get(40, place_y, 4)}});
    CHECK(found.order == "+1 +2 -1 2>3 +4");
    CHECK(found.tables.inferred_frees == 0);
}

TEST_CASE("memory given back unseen is freed when its address is handed out again") {
    const outcome found = order_of({{get(10, place_x, 1), get(20, place_x, 2)}});
    CHECK(found.order == "+1 -1 +2");
    CHECK(found.tables.inferred_frees == 1);
    CHECK(found.tables.events == 3);
}

TEST_CASE("a free far later by the clock is not taken for the one that is missing") {
    const outcome found =
        order_of({{get(10, place_x, 1), get(20, place_x, 2)}, {put_back(900'000'000, place_x)}});
    CHECK(found.order == "+1 -1 +2 -2");
    CHECK(found.tables.inferred_frees == 1);
}

TEST_CASE("frees of blocks older than the recording are counted and left out") {
    const outcome found = order_of({{put_back(10, place_x), get(20, place_x, 1)},
                                    {put_back(15, place_y), put_back(500'000, place_x)}});
    CHECK(found.order == "+1 -1");
    CHECK(found.tables.unmatched_frees == 2);
    CHECK(found.tables.events == 2);
}

TEST_CASE("realloc of a block older than the recording is an allocation") {
    const outcome found = order_of({{move(10, place_x, place_y, 5), put_back(20, place_y)}});
    CHECK(found.order == "+5 -5");
    CHECK(found.tables.unmatched_frees == 1);
}
