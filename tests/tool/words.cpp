// SPDX-License-Identifier: MIT
#include "words.hpp"

#include <doctest/doctest.h>
#include <signal.h>

using namespace millpond::tool;

TEST_CASE("numbers are grouped by thousands, and one thing is not called several") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(counted(0, "event") == "0 events");
    CHECK(counted(1, "event") == "1 event");
    CHECK(counted(1, "process") == "1 process");
    CHECK(counted(12345, "process") == "12,345 processes");
}

TEST_CASE("a size has the unit that leaves it one to three digits") {
    CHECK(in_bytes(1) == "1 byte");
    CHECK(in_bytes(999) == "999 bytes");
    CHECK(in_bytes(1000) == "1.0 kB");
    CHECK(in_bytes(999'949) == "999.9 kB");
    CHECK(in_bytes(999'950) == "1.0 MB");
    CHECK(in_bytes(34'560'000'000) == "34.6 GB");
    CHECK(in_bytes(5'000'000'000'000'000) == "5000.0 TB");
}

TEST_CASE("a command is written as a shell takes it, and its words can be told apart") {
    CHECK(command_text({"g++", "-O2", "a_b/c.cpp"}, 80) == "g++ -O2 a_b/c.cpp");
    CHECK(command_text({"jq", "[.. | objects]", "x.json"}, 80) == "jq '[.. | objects]' x.json");
    CHECK(command_text({"echo", "", "it's", "$HOME"}, 80) == R"(echo '' 'it'\''s' '$HOME')");
    CHECK(command_text({"sh", "-c", "a\n'b'\x1b\\"}, 80) == R"(sh -c $'a\n\'b\'\x1b\\')");
    CHECK(command_text({"\xc3\xa4"}, 80) == "\xc3\xa4");
    CHECK(command_text({}, 80).empty());
}

TEST_CASE("a long command is cut between two characters") {
    CHECK(command_text({"abcdefgh"}, 8) == "abcdefgh");
    CHECK(command_text({"abcdefghi"}, 8) == "abcde...");
    CHECK(command_text({"abcd\xc3\xa4xyz"}, 8) == "abcd...");
}

TEST_CASE("a signal is called by its name") {
    CHECK(signal_name(SIGKILL) == "SIGKILL");
    CHECK(signal_name(SIGSEGV) == "SIGSEGV");
    CHECK(signal_name(63) == "signal 63");
}
