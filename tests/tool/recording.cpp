// SPDX-License-Identifier: MIT
#include <string>

#include "recorded.hpp"
#include <doctest/doctest.h>

using namespace millpond::tool;
using namespace millpond::test;

namespace {

/// One event of that size and kind, and as many frees.
void check_once(const recording& from,
                std::uint64_t size,
                operation op,
                std::uint64_t alignment = 0) {
    CAPTURE(size);
    const std::vector<event> found = from.asking(0, size);
    REQUIRE(found.size() == 1);
    CHECK(found[0].op == op);
    CHECK(found[0].alignment_bytes == alignment);
    CHECK(from.freed(0, size) == 1);
}

} // namespace

TEST_CASE("every form of the C heap functions is recorded once, as what it is") {
    const recording found = record_victim("c_forms");
    REQUIRE(found.status == 0);
    check_once(found, 7001, operation::allocate);
    check_once(found, 7002, operation::allocate);
    check_once(found, 7003, operation::reallocate);
    check_once(found, 7010, operation::allocate_aligned, 64);
    check_once(found, 7040, operation::allocate_aligned, 128);
    check_once(found, 7012, operation::allocate_aligned, 256);
    check_once(found, 7013, operation::allocate_aligned, 4096);
    check_once(found, 7014, operation::allocate_aligned, 4096);
    const std::vector<event> both = found.asking(0, 7007);
    REQUIRE(both.size() == 2);
    CHECK(both[0].op == operation::allocate_zeroed);
    CHECK(both[1].op == operation::reallocate);
    CHECK(found.freed(0, 7007) == 2);
    CHECK(found.asking(0, PTRDIFF_MAX).empty());
    CHECK(found.processes[0].unmatched_frees == 0);
    CHECK(found.processes[0].inferred_frees == 0);
    CHECK(found.processes[0].lost_events == 0);
}

TEST_CASE("every form of operator new and delete is recorded once, with its caller as the site") {
    const recording found = record_victim("cxx_forms");
    REQUIRE(found.status == 0);
    for (const std::uint64_t size : {7101U, 7102U, 7103U, 7105U, 7106U}) {
        check_once(found, size, operation::allocate);
        const event what = found.asking(0, size)[0];
        CHECK(found.processes[0].sites.at(what.site).module == VICTIM);
    }
    check_once(found, 7107, operation::allocate_aligned, 512);
    CHECK(found.asking(0, 7104).size() == 2);
    CHECK(found.freed(0, 7104) == 2);
    CHECK(found.processes[0].unmatched_frees == 0);
}

TEST_CASE("running out of memory calls the new-handler and throws as without the recorder") {
    const recording found = record_victim("out_of_memory");
    CHECK(found.status == 0);
    CHECK(found.asking(0, PTRDIFF_MAX).empty());
}

TEST_CASE("the heap functions leave errno alone over many buffers") {
    const recording found = record_victim("errno_kept");
    CHECK(found.status == 0);
    CHECK(found.asking(0, 7201).size() == 100'000);
    CHECK(found.asking(0, 7202).size() == 100'000);
    CHECK(found.freed(0, 7202) == 100'000);
}

TEST_CASE("what is allocated before the first constructor is recorded") {
    const recording found = record_victim("plain", "VICTIM_EARLY=1");
    check_once(found, 7901, operation::allocate);
    CHECK(found.asking(0, 7571).size() == 11);
}

TEST_CASE("a call site in a library loaded later is known by that library") {
    const recording found = record_victim("plugin", "VICTIM_PLUGIN=" VICTIM_PLUGIN);
    REQUIRE(found.status == 0);
    const std::vector<event> asked = found.asking(0, 7301);
    REQUIRE(asked.size() == 1);
    const call_site site = found.processes[0].sites.at(asked[0].site);
    CHECK(site.module == VICTIM_PLUGIN);
    CHECK(site.offset > 0);
    CHECK(site.offset < 65536);
}

TEST_CASE("a program that never allocates is in the trace all the same, with its command") {
    const recording found = record_victim("nothing");
    CHECK(found.status == 0);
    REQUIRE(found.processes.size() == 1);
    CHECK(found.processes[0].command == std::vector<std::string>{VICTIM, "nothing"});
    CHECK(found.processes[0].end == ending::exited);
}

TEST_CASE("the program keeps its own descriptors: the recorder leaves none behind") {
    const temporary_folder folder;
    const int plain = run(folder, VICTIM " counts_descriptors").status;
    CHECK(record_victim("counts_descriptors").status == plain);
}

TEST_CASE("the summary says what was written and what to do next") {
    const recording found = record_victim("plain");
    CHECK(found.errors.find("millpond: 1 process, ") == 0);
    CHECK(found.errors.find("bytes per event); next: millpond replay ") != std::string::npos);
}
