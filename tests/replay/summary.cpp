// SPDX-License-Identifier: MIT
#include <sstream>

#include "replay/samples.hpp"
#include "replay/table.hpp"
#include <doctest/doctest.h>

using namespace millpond::test;         // NOLINT(google-build-using-namespace): a test
using namespace millpond::tool::replay; // NOLINT(google-build-using-namespace): a test

namespace {

/// Lengths in characters, not in bytes.
std::size_t longest_line(const std::string& text) {
    std::size_t longest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::size_t length = 0;
        for (const char c : line) {
            length += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1 : 0;
        }
        longest = std::max(longest, length);
    }
    return longest;
}

} // namespace

TEST_CASE("a median is the middle value, or the mean of the middle two") {
    CHECK(spread_of({5, 1, 9}).median == 5);
    CHECK(spread_of({5, 1, 9}).low == 1);
    CHECK(spread_of({5, 1, 9}).high == 9);
    CHECK(spread_of({4, 1, 2, 100}).median == 3);
    CHECK(spread_of({7}).low == 7);
    CHECK(spread_of({}).median == 0);
}

TEST_CASE("two figures are the same when one median lies in the other's range") {
    const spread a{10, 9, 12};
    CHECK(same(a, a));
    CHECK(same(a, {11, 9.5, 11.5}));
    CHECK(same(a, {11, 10.5, 30}));
    CHECK(same({11, 10.5, 30}, a));
    CHECK_FALSE(same(a, {13, 11.9, 14})); // the ranges overlap, the medians are apart
    CHECK_FALSE(same(a, {20, 19, 21}));
}

TEST_CASE("a ratio is of medians, same within the spread, and 1 for the baseline itself") {
    const spread base{20, 19, 21};
    CHECK(ratio(base, base) == "1");
    CHECK(ratio({10, 9, 11}, base) == "0.50");
    CHECK(ratio({20.5, 19, 22}, base) == "same");
    CHECK(ratio({1, 1, 1}, {0, 0, 0}) == "-");
}

TEST_CASE("figures carry three digits and are never long") {
    CHECK(figure(0) == "0");
    CHECK(figure(0.124) == "0.12");
    CHECK(figure(9.994) == "9.99");
    CHECK(figure(9.996) == "10.0");
    CHECK(figure(99.94) == "99.9");
    CHECK(figure(99.96) == "100");
    CHECK(figure(1234567.4) == "1234567");
    CHECK(figure(12345678.0) == "12.3M");
}

TEST_CASE("times are per operation and medians over the rounds") {
    const contender_summary c = summarise(sample_figures("x", 20, 100, 1000), 1000);
    CHECK(c.rounds == 3);
    CHECK(c.ns_per_operation.median == doctest::Approx(20));
    CHECK(c.ns_per_operation.low == doctest::Approx(19));
    CHECK(c.ns_per_operation.high == doctest::Approx(22));
    CHECK(c.peak_bytes.median == 100);
    REQUIRE(c.percentile(50) != nullptr);
    CHECK(c.percentile(99.999) == nullptr);
}

TEST_CASE("the baseline is glibc wherever it stands, else the first that finished") {
    const auto x = sample_figures("x", 1, 1, 1000);
    const auto glibc = sample_figures("glibc", 1, 1, 1000);
    CHECK(sample_replay({x, glibc}).baseline()->name == "glibc");
    CHECK(sample_replay({sample_failure("glibc"), x}).baseline()->name == "x");
    CHECK(sample_replay({sample_failure("x")}).baseline() == nullptr);
}

TEST_CASE(
    "a program's name is cut to the width between two characters, without control characters") {
    auto replay = usual_sample();
    CHECK(replay.program(80) == "app --quick");
    CHECK(replay.program_name() == "app");
    replay.what.command = {"/bin/x", "a\x1b[31m\nb"};
    CHECK(replay.program(80) == "x $'a\\x1b[31m\\nb'");
    replay.what.command = {"/bin/\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"};
    CHECK(replay.program(8) == "\xc3\xa4\xc3\xa4...");
    CHECK(replay.program(9) == "\xc3\xa4\xc3\xa4\xc3\xa4...");
    replay.what.command.clear();
    CHECK(replay.program(80) == "process 4711");
}

TEST_CASE("no line of the table is longer than 80 columns, however large the figures") {
    CHECK(longest_line(render_table(usual_sample(), colour::off)) <= 80);
    constexpr std::uint64_t many = 9'000'000'000;
    auto huge = sample_replay({sample_figures("glibc", 99999, std::uint64_t{1} << 44U, many),
                               sample_figures("an-allocator-with-a-long-name", 3e6, 1, many),
                               sample_figures("millpond", 1e-3, 0, many),
                               sample_failure("jemalloc-with-a-long-name-of-its-own")},
                              many);
    huge.what.command = {std::string(300, 'x'), std::string(300, 'y')};
    huge.missing = {"mimalloc",
                    "tcmalloc",
                    "tbbmalloc",
                    "some",
                    "more",
                    "names",
                    "that",
                    "do",
                    "not",
                    "fit",
                    "into",
                    "a",
                    "single",
                    "line",
                    "of",
                    "eighty"};
    CHECK(longest_line(render_table(huge, colour::off)) <= 80);
}

TEST_CASE("the table names every contender, what is the same, what failed and what is missing") {
    auto replay = sample_replay({sample_figures("glibc", 20, 10'000'000, 1'000'000),
                                 sample_figures("jemalloc", 20.2, 12'000'000, 1'000'000),
                                 sample_figures("millpond", 8, 9'000'000, 1'000'000),
                                 sample_failure("tcmalloc")});
    replay.missing = {"mimalloc"};
    const std::string text = render_table(replay, colour::off);
    CHECK(text.find("\njemalloc       20.2       19.2-22.2    same") != std::string::npos);
    CHECK(text.find("\nmillpond       8.00       7.60-8.80    0.40") != std::string::npos);
    CHECK(text.find("failed: tcmalloc was killed by signal 11 (SIGSEGV") != std::string::npos);
    CHECK(text.find("not installed, left out: mimalloc") != std::string::npos);
    CHECK(text.find("The 2 threads of the program were played on one") != std::string::npos);
    CHECK(text.find("90.0 %") != std::string::npos);
}

TEST_CASE("the notes under the table call one round one round") {
    auto replay = usual_sample();
    replay.rounds = 1;
    const std::string once = render_table(replay, colour::off);
    CHECK(once.find("One round, which shows no spread: take the differences with care; ratio") !=
          std::string::npos);
    CHECK(once.find("Medians") == std::string::npos);
    CHECK(once.find("millpond: 1 pool with the sizes") != std::string::npos);
    replay.rounds = 3;
    CHECK(render_table(replay, colour::off).find("Medians of 3 rounds") != std::string::npos);
}

TEST_CASE("colours are escape sequences around the same text") {
    std::string coloured = render_table(usual_sample(), colour::on);
    REQUIRE(coloured.find("\x1b[32m") != std::string::npos);
    for (std::size_t at = 0; (at = coloured.find('\x1b')) != std::string::npos;) {
        coloured.erase(at, coloured.find('m', at) - at + 1);
    }
    CHECK(coloured == render_table(usual_sample(), colour::off));
    CHECK(coloured.find('\x1b') == std::string::npos);
}
