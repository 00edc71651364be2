// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "temporary_folder.hpp"
#include "trace/packet_file.hpp"
#include "trace/reader.hpp"
#include "trace/writer.hpp"
#include <doctest/doctest.h>

using namespace millpond::tool;
using millpond::test::temporary_folder;

namespace {

bool same(const event& a, const event& b) {
    return a.op == b.op && a.thread == b.thread && a.time_ns == b.time_ns &&
           a.size_bytes == b.size_bytes && a.alignment_bytes == b.alignment_bytes &&
           a.block == b.block && a.previous == b.previous;
}

/// Events as a program would make them, each block allocated and freed by any of three threads.
std::vector<event> random_events(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<event> events;
    std::vector<std::uint64_t> live;
    std::uint64_t blocks = 0;
    std::uint64_t time = 0;
    while (events.size() < count) {
        event what;
        what.time_ns = time += 1 + random() % 5000;
        what.thread = static_cast<std::uint32_t>(random() % 3);
        what.site = static_cast<std::uint32_t>(random() % 3);
        const bool gives_back = !live.empty() && (live.size() > 500 || random() % 2 == 0);
        const std::size_t chosen = live.empty() ? 0 : random() % live.size();
        if (gives_back && random() % 4 != 0) {
            what.op = operation::free;
            what.block = live[chosen];
            live[chosen] = live.back();
            live.pop_back();
        } else {
            what.op = gives_back ? operation::reallocate : static_cast<operation>(random() % 3);
            what.size_bytes = random() % 100'000;
            what.alignment_bytes =
                what.op == operation::allocate_aligned ? std::uint64_t{1} << random() % 12 : 0;
            what.block = blocks++;
            if (gives_back) {
                what.previous = live[chosen];
                live[chosen] = what.block;
            } else {
                live.push_back(what.block);
            }
        }
        events.push_back(what);
    }
    return events;
}

process sample_process() {
    process head;
    head.pid = 4711;
    head.parent_pid = 4710;
    head.command = {"program", "", "two words"};
    head.end = ending::killed;
    head.lost_events = 3;
    head.sites = {{"/usr/lib/a.so", 16}, {"", 99}, {"/bin/b", 4096}};
    return head;
}

void write_sample(const std::filesystem::path& file, const std::vector<event>& events) {
    trace_writer writer(file);
    const std::size_t index = writer.begin_process(sample_process());
    for (const event& what : events) {
        writer.append(index, what);
    }
    writer.finish();
}

std::vector<event> read_all(const std::filesystem::path& file) {
    trace_reader reader(file);
    std::vector<event> events;
    for (std::size_t i = 0; i < reader.processes().size(); ++i) {
        reader.for_each(i, [&](const event& what) { events.push_back(what); });
    }
    return events;
}

std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

/// What reading `file` says, or nothing when it can be read.
std::string complaint(const std::filesystem::path& file) {
    try {
        read_all(file);
        return {};
    } catch (const trace_error& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("a trace gives back every event, in order, and the tables of its process") {
    const temporary_folder folder;
    const std::vector<event> events = random_events(60'000, 1);
    write_sample(folder / "a.trace", events);
    trace_reader reader(folder / "a.trace");
    REQUIRE(reader.processes().size() == 1);
    CHECK(reader.processes()[0].events == events.size());
    std::size_t at = 0;
    std::vector<std::uint32_t> sites;
    reader.for_each(0, [&](const event& what) {
        REQUIRE(at < events.size());
        REQUIRE(same(what, events[at]));
        sites.push_back(what.site);
        at += 1;
    });
    CHECK(at == events.size());
    const process& one = reader.processes()[0];
    const process expected = sample_process();
    CHECK(one.pid == expected.pid);
    CHECK(one.parent_pid == expected.parent_pid);
    CHECK(one.command == expected.command);
    CHECK(one.end == expected.end);
    CHECK(one.lost_events == expected.lost_events);
    CHECK(one.threads == 3);
    CHECK(one.unmatched_frees == 0);
    CHECK(one.inferred_frees == 0);
    CHECK_FALSE(reader.truncated());
    REQUIRE(one.sites.size() == 3);
    for (std::size_t i = 0; i < events.size(); ++i) {
        REQUIRE(one.sites[sites[i]].module == expected.sites[events[i].site].module);
        REQUIRE(one.sites[sites[i]].offset == expected.sites[events[i].site].offset);
    }
}

TEST_CASE("several processes stay apart and come in order of their start") {
    const temporary_folder folder;
    {
        trace_writer writer(folder / "a.trace");
        for (std::uint32_t pid = 1; pid <= 3; ++pid) {
            process head;
            head.pid = pid;
            const std::size_t index = writer.begin_process(head);
            for (std::uint64_t block = 0; block < pid; ++block) {
                event what;
                what.block = block;
                what.size_bytes = pid * 100;
                writer.append(index, what);
            }
        }
        writer.finish();
    }
    trace_reader reader(folder / "a.trace");
    REQUIRE(reader.processes().size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        std::size_t count = 0;
        reader.for_each(i, [&](const event& what) {
            CHECK(what.size_bytes == (i + 1) * 100);
            count += 1;
        });
        CHECK(reader.processes()[i].pid == i + 1);
        CHECK(count == i + 1);
    }
}

TEST_CASE("a changed byte anywhere in a trace is noticed, and the complaint names file and place") {
    const temporary_folder folder;
    write_sample(folder / "a.trace", random_events(40, 2));
    const std::string sound = bytes_of(folder / "a.trace");
    REQUIRE(sound.size() > 500);
    for (const int change : {1, 0xFF}) {
        for (std::size_t at = 0; at < sound.size(); ++at) {
            std::string bytes = sound;
            bytes[at] = static_cast<char>(bytes[at] ^ change);
            write_bytes(folder / "b.trace", bytes);
            const std::string said = complaint(folder / "b.trace");
            CAPTURE(at);
            REQUIRE(said.find("b.trace: at byte ") != std::string::npos);
        }
    }
}

TEST_CASE("a trace cut anywhere behind its head is readable up to its last whole packet") {
    const temporary_folder folder;
    const std::vector<event> events = random_events(40, 3);
    write_sample(folder / "a.trace", events);
    const std::string sound = bytes_of(folder / "a.trace");
    std::size_t most = 0;
    for (std::size_t size = sizeof(file_head); size < sound.size(); ++size) {
        CAPTURE(size);
        write_bytes(folder / "b.trace", sound.substr(0, size));
        trace_reader reader(folder / "b.trace");
        REQUIRE(reader.truncated());
        std::size_t count = 0;
        for (std::size_t i = 0; i < reader.processes().size(); ++i) {
            reader.for_each(i, [&](const event&) { count += 1; });
        }
        REQUIRE(count >= most);
        most = count;
    }
    CHECK(most == events.size());
}

TEST_CASE("a trace cut inside its head, an empty file and a foreign file are refused by name") {
    const temporary_folder folder;
    write_sample(folder / "a.trace", random_events(10, 4));
    const std::string sound = bytes_of(folder / "a.trace");
    for (std::size_t size = 0; size < sizeof(file_head); ++size) {
        write_bytes(folder / "b.trace", sound.substr(0, size));
        CHECK(complaint(folder / "b.trace").find("b.trace: at byte") != std::string::npos);
    }
    write_bytes(folder / "b.trace", "#!/bin/sh\necho this is no trace, whatever its name says\n");
    CHECK(complaint(folder / "b.trace").find("is not a millpond trace") != std::string::npos);
    CHECK(complaint(folder / "nowhere").find("cannot be read: No such file") != std::string::npos);
    CHECK(complaint("/dev/null").find("is not a trace") != std::string::npos);
}

TEST_CASE("a trace of another version is refused with both versions") {
    const temporary_folder folder;
    write_sample(folder / "a.trace", random_events(10, 5));
    std::string bytes = bytes_of(folder / "a.trace");
    bytes[offsetof(file_head, version)] = 9;
    write_bytes(folder / "a.trace", bytes);
    CHECK(complaint(folder / "a.trace")
              .find("is a trace of version 9, this program reads version 1") != std::string::npos);
}

TEST_CASE("whatever follows the end of a trace, or lacks in its middle, is noticed") {
    const temporary_folder folder;
    write_sample(folder / "a.trace", random_events(60'000, 6));
    const std::string sound = bytes_of(folder / "a.trace");
    write_bytes(folder / "b.trace", sound + "x");
    CHECK(complaint(folder / "b.trace").find("something follows the end") != std::string::npos);
    std::size_t cuts = 0;
    const packet_reader packets(folder / "a.trace");
    for (const packet_place& place : packets.packets()) {
        const std::size_t from = place.offset - sizeof(packet_head);
        std::string bytes = sound;
        bytes.erase(from, sizeof(packet_head) + place.head.stored_bytes);
        write_bytes(folder / "b.trace", bytes);
        CHECK_FALSE(complaint(folder / "b.trace").empty());
        cuts += 1;
    }
    CHECK(cuts > 5);
}

TEST_CASE("a file that is not a trace is never replaced by one") {
    const temporary_folder folder;
    write_bytes(folder / "notes.txt", "precious");
    CHECK_THROWS_WITH_AS(trace_writer(folder / "notes.txt"),
                         doctest::Contains("exists and is not a trace"),
                         trace_error);
    CHECK(bytes_of(folder / "notes.txt") == "precious");
    CHECK_THROWS_AS(trace_writer("/dev/null"), trace_error);
    write_sample(folder / "a.trace", random_events(20, 7));
    write_sample(folder / "a.trace", random_events(10, 8));
    CHECK(read_all(folder / "a.trace").size() == 10);
}

TEST_CASE("a writer refuses events that no program can make") {
    const temporary_folder folder;
    trace_writer writer(folder / "a.trace");
    const std::size_t index = writer.begin_process(process{});
    event what;
    what.block = 0;
    what.time_ns = 50;
    writer.append(index, what);
    CHECK_THROWS_WITH_AS(
        writer.append(index, what), doctest::Contains("allocated twice"), trace_error);
    what.op = operation::free;
    what.block = 5;
    CHECK_THROWS_WITH_AS(writer.append(index, what), doctest::Contains("not live"), trace_error);
    what.block = 0;
    what.time_ns = 40;
    CHECK_THROWS_WITH_AS(
        writer.append(index, what), doctest::Contains("before the thread's"), trace_error);
}
