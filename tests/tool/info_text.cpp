// SPDX-License-Identifier: MIT
/// \file
/// What `info` says, word by word.

#include <string>

#include "recorded.hpp"
#include "trace/writer.hpp"
#include <doctest/doctest.h>

using namespace millpond::tool;
using namespace millpond::test;

namespace {

std::string info(const temporary_folder& folder, const std::string& words) {
    const std::string said = (folder / "info.txt").string();
    CHECK(run(folder, TOOL " info " + words + " >" + said).status == 0);
    return text_of(said);
}

/// Records the victim in `mode` and says what `info` makes of it.
std::string info_of(const std::string& mode) {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    run(folder, TOOL " record -q -o " + file + " -- " VICTIM " " + mode + " >/dev/null");
    return info(folder, file);
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("info names the signal that killed a program, or the status that it left with") {
    CHECK(holds(info_of("kills_itself"), "was killed by SIGKILL;"));
    CHECK(holds(info_of("aborts"), "was killed by SIGABRT;"));
    CHECK(holds(info_of("leaves_at_once"), "(_exit), status 3;"));
    CHECK(holds(info_of("plain"), "ran to its end, status 5;"));
}

TEST_CASE("info groups digits, gives sizes a unit and commands their quotes") {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    {
        trace_writer writer(file);
        process one;
        one.pid = 4711;
        one.command = {"/bin/jq", "[.. | objects]", "a b.json"};
        const std::size_t index = writer.begin_process(one);
        event what;
        what.op = operation::allocate;
        for (std::uint64_t block = 0; block < 1234; ++block) {
            what.block = block;
            what.size_bytes = 1000;
            writer.append(index, what);
        }
        writer.finish();
    }
    const std::string said = info(folder, file);
    CAPTURE(said);
    CHECK(holds(said, "1 process, 1,234 events, "));
    CHECK(holds(said, "/bin/jq '[.. | objects]' 'a b.json'"));
    CHECK(holds(said, "1 thread, "));
    CHECK(holds(said, "asked for: 1,234,000 bytes (1.2 MB)"));
    CHECK(holds(said, "never freed: 1,234 blocks, 1,234,000 bytes (1.2 MB)"));
    const std::string sizes = info(folder, "--block-sizes 3 " + file);
    CAPTURE(sizes);
    CHECK(holds(sizes, "of 1,234 requests, of 1 size. This one wastes "));
}

TEST_CASE("a line break in a command does not leave the comment of the chosen sizes") {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    REQUIRE(
        run(folder,
            TOOL " record -q -o " + file + " -- sh -c 'true\n" VICTIM " plain >/dev/null; exit 0'")
            .status == 0);
    const std::string said = info(folder, "--block-sizes 2 " + file);
    CHECK(said.starts_with("// "));
    CHECK_FALSE(holds(said, "\n" VICTIM));
}

TEST_CASE("millpond alone shows its help, as bad usage") {
    const temporary_folder folder;
    const command_result result = run(folder, TOOL);
    CHECK(result.status == 2);
    CHECK(holds(result.errors, "millpond record -- PROGRAM"));
    CHECK(holds(result.errors, "replay"));
}
