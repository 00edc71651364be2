// SPDX-License-Identifier: MIT
#include "replay/report_json.hpp"
#include "replay/report_page.hpp"
#include "replay/samples.hpp"
#include <doctest/doctest.h>

using namespace millpond::test;         // NOLINT(google-build-using-namespace): a test
using namespace millpond::tool::replay; // NOLINT(google-build-using-namespace): a test
using nlohmann::json;

namespace {

const json& section_of(const json& model, const std::string& heading) {
    for (const json& section : model.at("sections")) {
        if (section.at("heading") == heading) {
            return section;
        }
    }
    FAIL("no section ", heading);
    return model;
}

} // namespace

TEST_CASE("the JSON report says who measured what where") {
    const json report = to_json({usual_sample()}, {"millpond", "replay", "app.trace"});
    CHECK(report.at("format") == json_format);
    CHECK(report.at("millpond").is_string());
    CHECK(report.at("command") == json({"millpond", "replay", "app.trace"}));
    CHECK(report.at("machine").at("kernel").is_string());
    CHECK(report.at("machine").at("processors").is_string());
    const json& replay = report.at("replays").at(0);
    CHECK(replay.at("trace").at("file") == "app.trace");
    CHECK(replay.at("trace").at("truncated") == false);
    CHECK(replay.at("process").at("index") == 1);
    CHECK(replay.at("process").at("of") == 3);
    CHECK(replay.at("process").at("command") == json({"/usr/bin/app", "--quick"}));
    CHECK(replay.at("plan").at("operations") == 1'000'000);
    CHECK(replay.at("plan").at("pools").at(0).at("capacity") == 1000);
    CHECK(replay.at("player_ns_per_operation").at("median") == doctest::Approx(4));
}

TEST_CASE("the JSON report holds every round and every percentile of every contender") {
    const json report = to_json({usual_sample()}, {});
    const json& contenders = report.at("replays").at(0).at("contenders");
    REQUIRE(contenders.size() == 3);
    for (const json& c : contenders) {
        CHECK(c.at("failure").is_null());
        REQUIRE(c.at("rounds").size() == 3);
        for (const json& round : c.at("rounds")) {
            for (const char* field :
                 {"cpu_ns", "wall_ns", "peak_bytes", "minor_faults", "major_faults"}) {
                CHECK(round.at(field).is_number_unsigned());
            }
            CHECK(round.at("latency").at("percentiles_ns").size() == 15);
            CHECK(round.at("latency").at("percentiles_ns").back().at(0) == 100.0);
        }
        CHECK(c.at("summary").at("percentiles_ns").size() == 15);
        CHECK(c.at("summary").at("against") == "glibc");
    }
    CHECK(contenders[1].at("summary").at("time_same") == true);
    CHECK(contenders[2].at("summary").at("time_same") == false);
    CHECK(contenders[2].at("summary").at("time_ratio") == doctest::Approx(0.4));
}

TEST_CASE("the JSON report keeps a failed contender and why it failed") {
    const json report = to_json(
        {sample_replay({sample_figures("glibc", 1, 1, 1000), sample_failure("x")}, 1000)}, {});
    const json& failed = report.at("replays").at(0).at("contenders").at(1);
    CHECK(failed.at("failure").get<std::string>().find("SIGSEGV") != std::string::npos);
    CHECK(failed.at("summary").is_null());
    CHECK(failed.at("rounds").empty());
}

TEST_CASE("the page shows bars with spread, percentiles, memory and the pools") {
    const json model = page_model({usual_sample()});
    CHECK(model.at("title") == "The heap of app, replayed");
    CHECK(
        model.at("lead") ==
        "millpond took 0.40 times the time of glibc, the fastest of the others, and 0.90 times the "
        "memory of glibc, the leanest of the others.");
    const json& time = section_of(model, "Time per operation").at("chart");
    CHECK(time.at("kind") == "bars");
    CHECK(time.at("categories") == json({"glibc", "jemalloc", "millpond"}));
    const json& series = time.at("series").at(0);
    CHECK(series.at("values").at(2) == doctest::Approx(8));
    CHECK(series.at("low").at(2) == doctest::Approx(7.6));
    CHECK(series.at("high").at(2) == doctest::Approx(8.8));
    const json& latency = section_of(model, "Latency of one call").at("chart");
    CHECK(latency.at("kind") == "percentiles");
    CHECK(latency.at("series").size() == 3);
    CHECK(latency.at("series").at(0).at("points").back().at(0) == 100.0);
    CHECK(section_of(model, "Memory and page faults").at("chart").at("kind") == "bars");
    CHECK(section_of(model, "Millpond's pools").at("text").get<std::string>().find("90.0 %") !=
          std::string::npos);
}

TEST_CASE("the page's headline compares with the best allocator of the run, whichever that is") {
    const auto lead = [](std::vector<contender_figures> figures) {
        return page_model({sample_replay(std::move(figures))}).at("lead").get<std::string>();
    };
    const auto glibc = sample_figures("glibc", 20, 10'000'000, 1'000'000);
    const auto mimalloc = sample_figures("mimalloc", 5, 20'000'000, 1'000'000);
    const auto ours = sample_figures("millpond", 10, 9'000'000, 1'000'000);
    CHECK(
        lead({glibc, mimalloc, ours}) ==
        "millpond took 2.00 times the time of mimalloc, the fastest of the others (0.50 times that "
        "of glibc), and 0.90 times the memory of glibc, the leanest of the others.");
    CHECK(lead({glibc, ours}) ==
          "millpond took 0.50 times the time of glibc, and 0.90 times the memory of glibc.");
    const auto level = sample_figures("tcmalloc", 10.1, 10'000'000, 1'000'000);
    CHECK(lead({glibc, level, ours}).find("the same time as tcmalloc (within the spread)") !=
          std::string::npos);
    CHECK(lead({sample_figures("millpond-mr", 1, 1, 1'000'000), ours}).empty());
    CHECK(lead({glibc, mimalloc}).empty());
}

TEST_CASE("the page tells what was replayed first, and the machine and the versions last") {
    const json model = page_model({usual_sample()});
    CHECK(model.at("about").at(0) == json({"program", "app --quick"}));
    for (const json& fact : model.at("about")) {
        CHECK(fact.at(0) != "processor");
        CHECK(fact.at(0) != "kernel");
    }
    CHECK(model.at("facts").dump().find("\"kernel\"") != std::string::npos);
    CHECK(model.at("facts").dump().find("\"jemalloc\"") != std::string::npos);
}

TEST_CASE("one round is not called several") {
    auto replay = usual_sample();
    replay.rounds = 1;
    const std::string text = page_model({replay}).dump();
    CHECK(text.find("was played once by every allocator") != std::string::npos);
    CHECK(text.find("Medians over the rounds") == std::string::npos);
    CHECK(text.find("1 pool serves") != std::string::npos);
}

TEST_CASE("the page underlines the best time only when it differs from all others") {
    const json winner = page_model({usual_sample()});
    CHECK(section_of(winner, "Time per operation").at("table").at("best") ==
          json::array({json::array({2, 1})}));
    const json tie = page_model({sample_replay(
        {sample_figures("glibc", 20, 1, 1000), sample_figures("jemalloc", 20.2, 1, 1000)}, 1000)});
    CHECK(section_of(tie, "Time per operation").at("table").at("best").empty());
}

TEST_CASE("the page tells what a replay does not show") {
    auto replay =
        sample_replay({sample_figures("millpond", 8, 1, 1000), sample_failure("tcmalloc")}, 1000);
    replay.cut_reason = "its recorder was killed";
    replay.missing = {"mimalloc"};
    const std::string text =
        section_of(page_model({replay}), "What this does not show").at("text").get<std::string>();
    for (const char* part :
         {"looks no size up", "2 threads", "ends early", "SIGSEGV", "mimalloc"}) {
        CHECK_MESSAGE(text.find(part) != std::string::npos, part);
    }
}

TEST_CASE("a page about several processes gives each its own sections") {
    const json model = page_model({usual_sample(), usual_sample()});
    CHECK(model.at("title") == "2 processes: their heaps, replayed");
    CHECK(model.at("sections").size() == 2 * page_model({usual_sample()}).at("sections").size());
    CHECK(section_of(model, "app --quick: Time per operation").at("chart").is_object());
}

TEST_CASE("a page without a single figure says why") {
    const json model = page_model({sample_replay({sample_failure("x")})});
    CHECK(section_of(model, "No figures").at("text").get<std::string>().find("SIGSEGV") !=
          std::string::npos);
}
