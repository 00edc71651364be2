// SPDX-License-Identifier: MIT
/// \file
/// Whole replays of synthetic traces: players are started, allocators preloaded, reports written. What is
/// asserted is what was done and said, never how long it took.

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "replay/command.hpp"
#include "replay/contenders.hpp"
#include "replay/events.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace millpond::test;         // NOLINT(google-build-using-namespace): a test
using namespace millpond::tool::replay; // NOLINT(google-build-using-namespace): a test
using millpond::tool::trace_error;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A preloaded library without a sanitizer's runtime cannot come before that runtime.
bool preloading_works() {
    if (std::strlen(MILLPOND_SANITIZED) == 0) {
        return true;
    }
    skip("a sanitizer's runtime does not stand an allocator preloaded before it");
    return false;
}

struct played {
    int status = 0;
    json report;

    [[nodiscard]] const json& contender(const std::string& name, std::size_t replay = 0) const {
        for (const json& c : report.at("replays").at(replay).at("contenders")) {
            if (c.at("name") == name) {
                return c;
            }
        }
        throw std::out_of_range("no contender " + name);
    }
};

played
replay(const fs::path& trace, std::vector<std::string> with, const std::string& process = "") {
    const fs::path json_file = trace.string() + ".json";
    replay_options options;
    options.files = {trace.string()};
    options.with = std::move(with);
    options.rounds = 2;
    options.process = process;
    options.json = json_file.string();
    options.html = trace.string() + ".html";
    options.player = MILLPOND_PLAYER;
    played result;
    result.status = run_replay(options);
    result.report = json::parse(content_of(json_file));
    return result;
}

void check_figures(const json& contender, std::uint64_t operations) {
    CHECK(contender.at("failure").is_null());
    REQUIRE(contender.at("rounds").size() == 2);
    for (const json& round : contender.at("rounds")) {
        CHECK(round.at("cpu_ns") > 0);
        CHECK(round.at("baseline_bytes") > 0);
        CHECK(round.at("peak_bytes") > 0);
        const json& percentiles = round.at("latency").at("percentiles_ns");
        for (std::size_t i = 1; i < percentiles.size(); ++i) {
            CHECK(percentiles[i - 1].at(1) <= percentiles[i].at(1));
        }
    }
    CHECK(operations > 0);
}

} // namespace

TEST_CASE("a trace is played through every allocator that is here, and all do the same work") {
    const scratch_folder folder;
    const fs::path trace = folder / "app.trace";
    const auto events = synthetic_events(30000, 11);
    write_trace(trace, {events});
    const played all = replay(trace, {});
    CHECK(all.status == 0); // a wrong checksum would be a failure
    const json& replayed = all.report.at("replays").at(0);
    CHECK(replayed.at("plan").at("operations") == events.size());
    CHECK(replayed.at("contenders").size() + replayed.at("missing").size() ==
          known_contenders().size());
    for (const json& c : replayed.at("contenders")) {
        check_figures(c, events.size());
    }
    CHECK(fs::file_size(trace.string() + ".html") > 200000);
}

TEST_CASE("the order of --with is the order of the report") {
    const scratch_folder folder;
    write_trace(folder / "app.trace", {synthetic_events(2000, 12)});
    const played two = replay(folder / "app.trace", {"millpond", "glibc"});
    const json& contenders = two.report.at("replays").at(0).at("contenders");
    REQUIRE(contenders.size() == 2);
    CHECK(contenders[0].at("name") == "millpond");
    CHECK(contenders[0].at("summary").at("against") == "glibc");
}

TEST_CASE("without --process the process with most events is played") {
    const scratch_folder folder;
    write_trace(folder / "app.trace",
                {synthetic_events(500, 1), synthetic_events(900, 2), synthetic_events(100, 3)});
    const played most = replay(folder / "app.trace", {"glibc"});
    REQUIRE(most.report.at("replays").size() == 1);
    CHECK(most.report.at("replays").at(0).at("process").at("index") == 1);
    const played third = replay(folder / "app.trace", {"glibc"}, "3");
    CHECK(third.report.at("replays").at(0).at("plan").at("operations") == 100);
    const played all = replay(folder / "app.trace", {"glibc"}, "all");
    CHECK(all.report.at("replays").size() == 3);
}

TEST_CASE("a process that is not in the trace is refused with what is") {
    const scratch_folder folder;
    write_trace(folder / "app.trace", {synthetic_events(500, 1), {}});
    for (const char* wrong : {"0", "3", "one", "1x", "-1"}) {
        CHECK_THROWS_WITH_AS(replay(folder / "app.trace", {"glibc"}, wrong),
                             doctest::Contains("holds the processes 1 to 2"),
                             std::invalid_argument);
    }
    CHECK_THROWS_WITH_AS(replay(folder / "app.trace", {"glibc"}, "2"),
                         doctest::Contains("used no heap"),
                         std::invalid_argument);
}

TEST_CASE("an allocator that crashes is reported with its signal and the others go on") {
    if (!preloading_works()) {
        return;
    }
    const scratch_folder folder;
    const auto events = synthetic_events(5000, 13);
    write_trace(folder / "app.trace", {events});
    const played some = replay(folder / "app.trace",
                               {std::string("bad=") + MILLPOND_HEAP_CRASH, "glibc", "millpond"});
    CHECK(some.status == 2);
    const std::string why = some.contender("bad").at("failure").get<std::string>();
    CHECK(why == "bad was killed by signal 11 (SIGSEGV, Segmentation fault)");
    check_figures(some.contender("glibc"), events.size());
    check_figures(some.contender("millpond"), events.size());
}

TEST_CASE("an allocator that hands out a block twice is reported") {
    if (!preloading_works()) {
        return;
    }
    const scratch_folder folder;
    // Two of the fatal size live at once; none is freed, so that the shared block is not freed twice.
    write_trace(folder / "app.trace", {{allocate(0, fatal_size), allocate(1, fatal_size)}});
    const played some =
        replay(folder / "app.trace", {"glibc", std::string("bad=") + MILLPOND_HEAP_LOSE});
    CHECK(some.status == 2);
    CHECK(some.contender("bad").at("failure").get<std::string>().find("lost or shared a block") !=
          std::string::npos);
    CHECK(some.contender("glibc").at("failure").is_null());
}

TEST_CASE("an allocator that runs out of memory is reported with the size it was asked for") {
    if (!preloading_works()) {
        return;
    }
    const scratch_folder folder;
    write_trace(folder / "app.trace", {{allocate(0, 8), allocate(1, fatal_size), release(0)}});
    const played some =
        replay(folder / "app.trace", {"glibc", std::string("bad=") + MILLPOND_HEAP_REFUSE});
    CHECK(some.status == 2);
    CHECK(some.contender("bad").at("failure") ==
          "bad ran out of memory at step 1 of 3, asking for 2741 bytes");
}

TEST_CASE("a truncated trace is played as far as it goes, and the report says so") {
    const scratch_folder folder;
    const fs::path whole = folder / "whole.trace";
    write_trace(whole, {synthetic_events(200000, 14)});
    const fs::path cut = folder / "cut.trace";
    fs::copy_file(whole, cut);
    fs::resize_file(cut, fs::file_size(whole) * 3 / 4);
    const played part = replay(cut, {"glibc"});
    CHECK(part.status == 0);
    const json& replayed = part.report.at("replays").at(0);
    CHECK(replayed.at("trace").at("truncated") == true);
    CHECK(replayed.at("plan").at("operations") > 0);
    CHECK(replayed.at("plan").at("operations") < 200000);
}

TEST_CASE(
    "a file that is no trace, and one with nothing in it, are refused before anything is played") {
    const scratch_folder folder;
    std::ofstream(folder / "foreign") << "this is no trace, and it is long enough to hold a head";
    CHECK_THROWS_AS(replay(folder / "foreign", {"glibc"}), trace_error);
    CHECK_THROWS_AS(replay(folder / "absent", {"glibc"}), trace_error);
    write_trace(folder / "empty", {{}});
    CHECK_THROWS_WITH_AS(replay(folder / "empty", {"glibc"}),
                         doctest::Contains("no heap operations"),
                         std::invalid_argument);
}

TEST_CASE("a report that cannot be written stops the replay before it begins") {
    replay_options options;
    options.files = {"/no/trace"}; // never looked at
    options.html = "/no/such/folder/page.html";
    CHECK_THROWS_WITH_AS(run_replay(options),
                         doctest::Contains("cannot write /no/such/folder/page.html"),
                         std::system_error);
}
