// SPDX-License-Identifier: MIT
#include <string>
#include <thread>

#include "recorded.hpp"
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

using namespace millpond::tool;
using namespace millpond::test;

namespace {

/// Waits until a victim has written its marker; gives up after half a minute.
bool appears(const std::filesystem::path& file) {
    for (int i = 0; i < 3000 && !std::filesystem::exists(file); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return std::filesystem::exists(file);
}

void check_ending(const char* mode, int status, ending expected) {
    CAPTURE(mode);
    const recording found = record_victim(mode);
    CHECK(found.status == status);
    REQUIRE(found.processes.size() == 1);
    CHECK(found.processes[0].end == expected);
    CHECK(found.asking(0, 7571).size() == 11);
    CHECK_FALSE(found.truncated);
}

} // namespace

TEST_CASE("nothing is lost however a program ends, and its status is passed on") {
    check_ending("plain", 5, ending::exited);
    check_ending("leaves_at_once", 3, ending::killed);
    check_ending("aborts", 128 + SIGABRT, ending::killed);
    check_ending("kills_itself", 128 + SIGKILL, ending::killed);
}

TEST_CASE("a forked child is a process of its own, and its parent's trace goes on") {
    const recording found = record_victim("forks");
    REQUIRE(found.status == 0);
    REQUIRE(found.processes.size() == 2);
    CHECK(found.processes[1].parent_pid == found.processes[0].pid);
    CHECK(found.asking(0, 7502).size() == 3);
    CHECK(found.asking(0, 7504).size() == 2);
    CHECK(found.asking(0, 7503).empty());
    CHECK(found.freed(0, 7501) == 1);
    CHECK(found.asking(1, 7503).size() == 5);
    CHECK(found.asking(1, 7501).empty());
    CHECK(found.processes[1].unmatched_frees >= 1); // the inherited block
    CHECK(found.processes[1].end == ending::exited);
}

TEST_CASE("children forked from a busy threaded program are all recorded") {
    const recording found = record_victim("forks_under_load");
    CHECK(found.status == 0);
    REQUIRE(found.processes.size() == 21);
    for (std::size_t child = 1; child <= 20; ++child) {
        CHECK(found.asking(child, 7511).size() == 10);
        CHECK(found.processes[child].end == ending::killed); // by _exit
    }
    CHECK(found.processes[0].inferred_frees == 0);
}

TEST_CASE("a child is recorded although another thread was asking the loader when it was forked") {
    const recording found = record_victim("forks_beside_lookups");
    CHECK(found.status == 0);
    REQUIRE(found.processes.size() == 21);
    for (std::size_t child = 1; child <= 20; ++child) {
        CHECK(found.asking(child, 7511).size() == 10);
    }
}

TEST_CASE("vfork and exec in the child leave the parent's trace whole and its ending right") {
    const recording found = record_victim("vforks");
    CHECK(found.status == 0);
    REQUIRE(found.processes.size() == 2);
    CHECK(found.asking(0, 7521).size() == 1);
    CHECK(found.asking(0, 7522).size() == 1);
    CHECK(found.processes[0].end == ending::exited);
    CHECK(found.processes[1].command.at(1) == "nothing");
}

TEST_CASE("exec ends one process of the trace as replaced and begins another with the same pid") {
    const recording found = record_victim("execs");
    CHECK(found.status == 7);
    REQUIRE(found.processes.size() == 2);
    CHECK(found.processes[0].end == ending::replaced);
    CHECK(found.processes[0].pid == found.processes[1].pid);
    CHECK(found.asking(0, 7531).size() == 4);
    CHECK(found.asking(0, 7532).size() == 1); // after an exec that failed
    CHECK(found.asking(1, 7533).size() == 2);
    CHECK(found.processes[1].end == ending::exited);
}

TEST_CASE("exec of a program that is not recorded still counts as replaced") {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    const command_result result =
        run(folder, TOOL " record -o " + file + " -- env -i " VICTIM " plain");
    CHECK(result.status == 5);
    const recording found = read_recording(file);
    REQUIRE(found.processes.size() == 1);
    CHECK(found.processes[0].end == ending::replaced);
}

TEST_CASE("a program started by posix_spawn is recorded") {
    const recording found = record_victim("spawns");
    CHECK(found.status == 7);
    REQUIRE(found.processes.size() == 2);
    CHECK(found.asking(0, 7541).size() == 1);
    CHECK(found.asking(1, 7533).size() == 2);
    CHECK(found.processes[0].end == ending::exited);
}

TEST_CASE("the recording ends with its program, and a child that stays is said to still run") {
    const temporary_folder folder;
    const std::string marker = (folder / "marker").string();
    const std::string file = (folder / "a.trace").string();
    const command_result result = run(folder,
                                      "VICTIM_MARKER=" + marker + " " TOOL " record -o " + file +
                                          " -- " VICTIM " leaves_child");
    CHECK(result.status == 0);
    const recording found = read_recording(file);
    REQUIRE(found.processes.size() == 2);
    CHECK(found.processes[0].end == ending::exited);
    CHECK(found.processes[1].end == ending::running);
    CHECK(found.asking(1, 7551).size() == 6);
    CHECK(kill(std::stoi(text_of(marker)), SIGKILL) == 0);
}

TEST_CASE("a child that stays is named, even one that has not used its heap yet") {
    const temporary_folder folder;
    const std::string marker = (folder / "marker").string();
    const command_result result =
        run(folder,
            "VICTIM_MARKER=" + marker + " " TOOL " record -o " + (folder / "a.trace").string() +
                " -- " VICTIM " leaves_silent_child");
    CHECK(result.status == 0);
    CAPTURE(result.errors);
    CHECK(result.errors.find("warning: 1 process of the program still runs and is no longer "
                             "recorded: " +
                             text_of(marker) + " millpond_victim") != std::string::npos);
    CHECK(kill(std::stoi(text_of(marker)), SIGKILL) == 0);
}

TEST_CASE("a daemon is recorded to its end on request, and the program's status is passed on") {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    const command_result result =
        run(folder, TOOL " record --wait-all -o " + file + " -- " VICTIM " leaves_daemon");
    CHECK(result.status == 3);
    CAPTURE(result.errors);
    CHECK(result.errors.find("warning") == std::string::npos);
    const recording found = read_recording(file);
    REQUIRE(found.processes.size() == 2);
    CHECK(found.asking(1, 7552).size() == 6);
    CHECK(found.processes[1].end == ending::exited);
}

TEST_CASE("a signal ends the waiting for the processes that a program left behind") {
    const temporary_folder folder;
    const std::string marker = (folder / "marker").string();
    const std::string file = (folder / "a.trace").string();
    std::thread sender([&] {
        for (int i = 0; i < 3000; ++i) {
            if (text_of(folder / "errors.txt").find("waiting for") != std::string::npos) {
                std::system(("kill -INT $(cat " + (folder / "pid").string() + ")").c_str());
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    });
    const command_result result =
        run(folder,
            "sh -c 'echo $$ >" + (folder / "pid").string() + "; VICTIM_MARKER=" + marker +
                " exec " TOOL " record --wait-all -o " + file + " -- " VICTIM " leaves_child'");
    sender.join();
    CHECK(result.status == 0);
    CHECK(result.errors.find("still runs and is no longer recorded") != std::string::npos);
    const recording found = read_recording(file);
    CHECK_FALSE(found.truncated);
    CHECK(found.processes.at(1).end == ending::running);
    CHECK(kill(std::stoi(text_of(marker)), SIGKILL) == 0);
}

TEST_CASE("a program outlives its recorder, and the cut trace is readable") {
    const temporary_folder folder;
    const std::string marker = (folder / "marker").string();
    const std::string file = (folder / "a.trace").string();
    const command_result result = run(folder,
                                      "VICTIM_MARKER=" + marker + " " TOOL " record -o " + file +
                                          " -- " VICTIM " outlives_recorder");
    CHECK(result.status == 128 + SIGKILL);
    REQUIRE(appears(marker));
    const recording found = read_recording(file);
    CHECK(found.truncated);
    REQUIRE(found.processes.size() == 1);
    CHECK(found.processes[0].end == ending::running);
}

TEST_CASE("a signal sent to the recorder reaches the program, and the trace is finished") {
    const temporary_folder folder;
    const std::string marker = (folder / "marker").string();
    const std::string file = (folder / "a.trace").string();
    std::thread sender([&] {
        if (appears(marker)) {
            std::system(("kill -TERM $(cat " + (folder / "pid").string() + ")").c_str());
        }
    });
    const command_result result =
        run(folder,
            "sh -c 'echo $$ >" + (folder / "pid").string() + "; VICTIM_MARKER=" + marker +
                " exec " TOOL " record -o " + file + " -- " VICTIM " waits_for_signal'");
    sender.join();
    CHECK(result.status == 40);
    CHECK_FALSE(read_recording(file).truncated);
}
