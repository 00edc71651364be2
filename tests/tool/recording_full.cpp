// SPDX-License-Identifier: MIT
/// \file
/// A trace that may not grow further: the program goes on, and what was written can be read.

#include <string>

#include "recorded.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>

using namespace millpond::tool;
using namespace millpond::test;

namespace {

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Some events from the program's beginning, and its end.
void check_beginning(const recording& found) {
    CHECK(found.truncated);
    REQUIRE(found.processes.size() >= 1);
    const process& last = found.processes.back();
    CHECK(last.command.at(1) == "errno_kept");
    CHECK(last.events > 1000);
    CHECK(last.events < 300'000);
    CHECK(last.unmatched_frees == 0);
}

} // namespace

TEST_CASE("a full disk ends the recording, not the program, and its beginning can be read") {
    const temporary_folder folder;
    const std::string disk = (folder / "disk").string();
    std::filesystem::create_directory(disk);
    const std::string mount = "mount -t tmpfs -o size=16k millpond " + disk;
    if (run(folder, "unshare --mount sh -c '" + mount + "'").status != 0) {
        skip("no right to mount a small disk");
        return;
    }
    const std::string kept = (folder / "kept.trace").string();
    const std::string ran = (folder / "ran").string();
    const command_result result =
        run(folder,
            "unshare --mount sh -c '" + mount + " && " TOOL " record -o " + disk +
                "/a.trace -- sh -c \"" VICTIM " errno_kept && touch " + ran + "\"; status=$?; cp " +
                disk + "/a.trace " + kept + "; exit $status'");
    CAPTURE(result.errors);
    CHECK(std::filesystem::exists(ran));
    CHECK(result.status == 2);
    CHECK(holds(result.errors,
                "cannot be written: No space left on device; the recording ends here, the program "
                "goes on"));
    check_beginning(read_recording(kept));
    const std::string said = (folder / "info.txt").string();
    CHECK(run(folder, TOOL " info " + kept + " >" + said).status == 0);
    CAPTURE(text_of(said));
    CHECK(holds(text_of(said), "it could not be written any further: No space left on device"));
    CHECK_FALSE(holds(text_of(said), "killed"));
}

TEST_CASE("a limit ends the recording at that size, and the program's status is its own") {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    const command_result result =
        run(folder, TOOL " record --limit 12k -o " + file + " -- " VICTIM " errno_kept");
    CAPTURE(result.errors);
    CHECK(result.status == 0);
    CHECK(holds(result.errors, "the limit of 12.0 kB is reached; the recording ends here"));
    CHECK(std::filesystem::file_size(file) < 13'000);
    const recording found = read_recording(file);
    check_beginning(found);
    CHECK(found.processes.back().end == ending::exited);
    const std::string said = (folder / "info.txt").string();
    CHECK(run(folder, TOOL " info " + file + " >" + said).status == 0);
    CHECK(holds(text_of(said), "the file ends early, the size allowed for it was reached"));
}

TEST_CASE("a limit that is not reached changes nothing, and one without a number is refused") {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    CHECK(run(folder, TOOL " record --limit 1G -o " + file + " -- " VICTIM " plain").status == 5);
    CHECK_FALSE(read_recording(file).truncated);
    CHECK(run(folder, TOOL " record --limit much -o " + file + " -- " VICTIM " plain").status == 2);
}
