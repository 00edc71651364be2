// SPDX-License-Identifier: MIT
/// \file
/// `millpond replay` as a person types it: words, exit status, and what goes to which stream.

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "replay/events.hpp"
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

using namespace millpond::test; // NOLINT(google-build-using-namespace): a test
namespace fs = std::filesystem;

namespace {

struct typed {
    int status = 0;
    std::string output;
    std::string errors;
};

typed type(const scratch_folder& folder, const std::string& words) {
    const fs::path errors = folder / "stderr";
    const std::string line =
        fmt::format("'{}' replay {} 2>'{}'", MILLPOND_COMMAND, words, errors.string());
    typed result;
    std::FILE* child = popen(line.c_str(), "r"); // NOLINT(cert-env33-c): a test types a command
    REQUIRE(child != nullptr);
    std::array<char, 4096> part{};
    while (const std::size_t got = std::fread(part.data(), 1, part.size(), child)) {
        result.output.append(part.data(), got);
    }
    const int ended = pclose(child);
    result.status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    result.errors = content_of(errors);
    return result;
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("the table goes to standard output, without colours when that is no terminal") {
    const scratch_folder folder;
    write_trace(folder / "app.trace", {synthetic_events(3000, 21)});
    const typed result =
        type(folder,
             fmt::format("--rounds 1 --with glibc,millpond '{}'", (folder / "app.trace").string()));
    CHECK(result.status == 0);
    CHECK(holds(result.output, "3,000 operations"));
    CHECK(holds(result.output, "\nmillpond "));
    CHECK_FALSE(holds(result.output, "\x1b"));
    CHECK(result.errors.empty());
}

TEST_CASE("JSON on standard output is alone there") {
    const scratch_folder folder;
    write_trace(folder / "app.trace", {synthetic_events(3000, 22)});
    const typed result =
        type(folder,
             fmt::format("--rounds 1 --with glibc --json - '{}'", (folder / "app.trace").string()));
    CHECK(result.status == 0);
    const auto report = nlohmann::json::parse(result.output);
    CHECK(report.at("command").at(1) == "replay");
    CHECK(holds(result.errors, "glibc"));
}

TEST_CASE("help says what is measured, on how many threads, and gives examples") {
    const scratch_folder folder;
    const typed result = type(folder, "--help");
    CHECK(result.status == 0);
    CHECK(holds(result.output, "on one thread"));
    CHECK(holds(result.output, "millpond replay --with glibc,millpond --rounds 9 app.trace"));
}

TEST_CASE("every error is status 2 and one clear line") {
    const scratch_folder folder;
    write_trace(folder / "app.trace", {synthetic_events(300, 23)});
    const std::string trace = fmt::format("'{}'", (folder / "app.trace").string());

    const struct {
        std::string words;
        const char* sentence;
    } cases[] = {
        {"/no/such/file", "/no/such/file"},
        {fmt::format("--with hoard {}", trace), "unknown allocator 'hoard'; known are glibc"},
        {fmt::format("--process 7 {}", trace), "holds the processes 1 to 1"},
        {fmt::format("--json /no/folder/x.json {}", trace), "cannot write /no/folder/x.json"},
    };

    for (const auto& wrong : cases) {
        const typed result = type(folder, wrong.words);
        CHECK_MESSAGE(result.status == 2, wrong.words);
        CHECK_MESSAGE(holds(result.errors, wrong.sentence), result.errors);
        CHECK(result.errors.starts_with("millpond replay: "));
        CHECK(result.output.empty());
    }
}
