// SPDX-License-Identifier: MIT
/// \file
/// What the recorder cannot see, it names.

#include <string>

#include "recorded.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>

using namespace millpond::test;

namespace {

command_result record(const temporary_folder& folder, const std::string& command) {
    return run(folder,
               TOOL " record -o " + (folder / "a.trace").string() + " -- " + command +
                   " >/dev/null");
}

bool says(const command_result& result, const std::string& part) {
    return result.errors.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a program without the address space for the recorder runs, and is said to be missing") {
    const temporary_folder folder;
    const command_result result =
        record(folder, "sh -c 'ulimit -v 500000; " VICTIM " plain; exit $?'");
    CAPTURE(result.errors);
    CHECK(result.status == 5);
    CHECK(says(result, "warning: 1 process not recorded for want of address space"));
}

TEST_CASE(
    "a program that brings its own malloc is said to bypass the recorder, and in which file") {
    const temporary_folder folder;
    const command_result result = record(folder, VICTIM_OWN_HEAP);
    CAPTURE(result.errors);
    CHECK(result.status == 0);
    CHECK(says(result, "warning: 1 process with another heap before the recorder"));
    CHECK(says(result, VICTIM_OWN_HEAP));
}

TEST_CASE("a program under Valgrind is said to use Valgrind's heap") {
    const temporary_folder folder;
    if (run(folder, "valgrind --version >/dev/null").status != 0) {
        skip("Valgrind is not installed");
        return;
    }
    if (run(folder, "valgrind -q " VICTIM " plain >/dev/null 2>&1").status != 5) {
        skip("Valgrind cannot run the program: it does not read what this compiler says of it");
        return;
    }
    const command_result result = record(folder, "valgrind -q " VICTIM " plain");
    CAPTURE(result.errors);
    CHECK(result.status == 5);
    CHECK(says(result, "warning: 1 process with another heap before the recorder (Valgrind's"));
}

TEST_CASE("a usual program is not said to bypass the recorder, nor to miss anything") {
    CHECK(record_victim("plain").errors.find("warning") == std::string::npos);
    CHECK(record_victim("forks_under_load").errors.find("warning") == std::string::npos);
}

TEST_CASE("of a trace without events nobody is told to replay it") {
    const temporary_folder folder;
    const command_result result = record(folder, VICTIM_OWN_HEAP);
    CHECK(says(result, ", 0 events, "));
    CHECK_FALSE(says(result, "millpond replay"));
}
