// SPDX-License-Identifier: MIT
#include <fstream>
#include <string>

#include "recorded.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace millpond::tool;
using namespace millpond::test;

namespace {

#if defined(__x86_64__)
constexpr const char* loader_of_this_system = "/lib64/ld-linux-x86-64.so.2";
#else
constexpr const char* loader_of_this_system = "/lib/ld-linux-aarch64.so.1";
#endif

/// Records `program`, expects status 2, no trace, and one line that says `reason`.
void check_refused(const std::string& program, const std::string& reason) {
    const temporary_folder folder;
    const std::filesystem::path file = folder / "a.trace";
    const command_result result =
        run(folder, TOOL " record -o " + file.string() + " -- " + program);
    CAPTURE(result.errors);
    CHECK(result.status == 2);
    CHECK(result.errors.find("millpond: ") == 0);
    CHECK(result.errors.find(reason) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(file));
}

std::filesystem::path make_program(const temporary_folder& folder,
                                   const std::string& name,
                                   const std::string& content,
                                   mode_t mode = 0755) {
    const std::filesystem::path file = folder / name;
    std::ofstream(file, std::ios::binary) << content;
    chmod(file.c_str(), mode);
    return file;
}

/// A copy of the victim with one text of its file replaced by another that is no longer.
std::filesystem::path
changed_victim(const temporary_folder& folder, const std::string& from, const std::string& to) {
    std::string bytes = text_of(VICTIM);
    const std::size_t at = bytes.find(from);
    REQUIRE(at != std::string::npos);
    bytes.replace(at, from.size(), to + std::string(from.size() - to.size(), '\0'));
    return make_program(folder, "changed", bytes);
}

/// The first bytes of this very test, changed at one place, are the head of another program.
std::string changed_head(std::size_t at, char value) {
    std::string bytes = text_of("/proc/self/exe").substr(0, 4096);
    bytes.at(at) = value;
    return bytes;
}

} // namespace

TEST_CASE("a program that is not there, or is none, is refused before anything is written") {
    check_refused("no-such-program-anywhere", "no such program in PATH");
    check_refused("./no/such/path", "no such program");
    check_refused("/etc/passwd", "is not an executable file");
    const temporary_folder folder;
    check_refused(make_program(folder, "text", "just text\n").string(), "neither an ELF program");
    check_refused(make_program(folder, "script", "#!/no/such/interpreter\n").string(),
                  "its interpreter /no/such/interpreter is not there");
}

TEST_CASE("a statically linked program is refused in so many words") {
    check_refused(VICTIM_STATIC, "is statically linked and cannot be recorded");
}

TEST_CASE("programs of other machines are refused") {
    const temporary_folder folder;
    check_refused(make_program(folder, "narrow", changed_head(EI_CLASS, ELFCLASS32)).string(),
                  "is a 32-bit program");
    check_refused(make_program(folder, "other", changed_head(18, EM_RISCV & 0x7F)).string(),
                  "is for another machine");
    check_refused(make_program(folder,
                               "short",
                               "\x7f"
                               "ELF")
                      .string(),
                  "is cut short");
}

TEST_CASE("a program of another C library is refused, and its loader named") {
    const temporary_folder folder;
    check_refused(changed_victim(folder, loader_of_this_system, "/lib/ld-musl.so.1").string(),
                  "made for glibc (its loader is /lib/ld-musl.so.1)");
}

TEST_CASE("a program built with a sanitizer is refused, and the sanitizer named") {
    check_refused(VICTIM_SANITIZED, "is built with AddressSanitizer");
    const temporary_folder folder;
    // As in a program that holds the runtime itself: a dynamic name and no library.
    check_refused(changed_victim(folder, "posix_memalign", "__tsan_init").string(),
                  "is built with ThreadSanitizer");
}

TEST_CASE("a set-uid program of another user is refused") {
    const temporary_folder folder;
    const std::filesystem::path file = folder / "suid";
    std::filesystem::copy_file(VICTIM, file);
    if (getuid() != 0 || chown(file.c_str(), 65534, 65534) != 0) {
        skip("only root can give a file away");
        return;
    }
    chmod(file.c_str(), 04755);
    check_refused(file.string(), "is set-uid or set-gid");
}

TEST_CASE("a script is recorded through its interpreter") {
    const temporary_folder folder;
    const std::filesystem::path script =
        make_program(folder, "script", "#!/bin/sh\n" VICTIM " plain\n");
    const std::string file = (folder / "a.trace").string();
    CHECK(run(folder, TOOL " record -o " + file + " -- " + script.string()).status == 5);
    const recording found = read_recording(file);
    REQUIRE(found.processes.size() >= 1);
    CHECK(found.asking(found.processes.size() - 1, 7571).size() == 11);
}

TEST_CASE("a file that is not a trace stays as it is, and the program does not run") {
    const temporary_folder folder;
    std::ofstream(folder / "notes.txt") << "precious";
    const command_result result = run(folder,
                                      TOOL " record -o " + (folder / "notes.txt").string() +
                                          " -- touch " + (folder / "ran").string());
    CHECK(result.status == 2);
    CHECK(result.errors.find("exists and is not a trace") != std::string::npos);
    CHECK(text_of(folder / "notes.txt") == "precious");
    CHECK_FALSE(std::filesystem::exists(folder / "ran"));
}

TEST_CASE("bad usage is status 2, help and version are status 0") {
    const temporary_folder folder;
    CHECK(run(folder, TOOL).status == 2);
    CHECK(run(folder, TOOL " no-such-stage").status == 2);
    CHECK(run(folder, TOOL " record").status == 2);
    CHECK(run(folder, TOOL " info " + (folder / "nowhere").string()).status == 2);
    CHECK(run(folder, TOOL " --help >/dev/null").status == 0);
    CHECK(run(folder, TOOL " record --help >/dev/null").status == 0);
    CHECK(run(folder, TOOL " --version >/dev/null").status == 0);
}

TEST_CASE("info tells the processes, the events and the ending of a trace") {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    const std::string text = (folder / "info.txt").string();
    REQUIRE(run(folder, TOOL " record -q -o " + file + " -- " VICTIM " kills_itself").status ==
            137);
    REQUIRE(run(folder, TOOL " info " + file + " >" + text).status == 0);
    const std::string said = text_of(text);
    CHECK(said.find("1 process, ") != std::string::npos);
    CHECK(said.find("was killed") != std::string::npos);
    CHECK(said.find("kills_itself") != std::string::npos);
}

TEST_CASE(
    "info prints block sizes as an array, up to the largest that the program asked a pool for") {
    const temporary_folder folder;
    const std::string file = (folder / "a.trace").string();
    const std::string text = (folder / "block_sizes.hpp").string();
    REQUIRE(run(folder, TOOL " record -q -o " + file + " -- " VICTIM " kills_itself").status ==
            137);
    REQUIRE(run(folder, TOOL " info --block-sizes 3 " + file + " >" + text).status == 0);
    const std::string said = text_of(text);
    CHECK(said.find("constexpr std::size_t block_sizes[] = {") != std::string::npos);
    CHECK(said.find("kills_itself") != std::string::npos);
    CHECK(run(folder, TOOL " info --block-sizes 0 " + file).status == 2);
    CHECK(run(folder, TOOL " info --block-sizes 97 " + file).status == 2);
}
