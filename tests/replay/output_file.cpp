// SPDX-License-Identifier: MIT
#include "replay/output_file.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "replay/events.hpp"
#include "replay/progress.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <unistd.h>

using namespace millpond::test;         // NOLINT(google-build-using-namespace): a test
using namespace millpond::tool::replay; // NOLINT(google-build-using-namespace): a test
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) {
        ++count;
    }
    return count;
}

} // namespace

TEST_CASE("an output file appears whole, and an older one stays until then") {
    const scratch_folder folder;
    const fs::path name = folder / "report.json";
    std::ofstream(name) << "old";
    {
        output_file file(name);
        CHECK(content_of(name) == "old");
        file.commit("new");
    }
    CHECK(content_of(name) == "new");
    CHECK(files_in(name.parent_path()) == 1);
}

TEST_CASE("an output file that is not committed leaves no trace") {
    const scratch_folder folder;
    const fs::path name = folder / "report.json";
    { const output_file file(name); }
    CHECK(files_in(name.parent_path()) == 0);
}

TEST_CASE("an output that cannot be written is refused before the work") {
    const scratch_folder folder;
    CHECK_THROWS_WITH_AS(output_file((folder / "no/such/folder").string()),
                         doctest::Contains("cannot write"),
                         std::system_error);
    CHECK_THROWS_WITH_AS(output_file((folder / "").string()),
                         doctest::Contains("Is a directory"),
                         std::system_error);
}

TEST_CASE("an output in a folder without permission is refused") {
    if (geteuid() == 0) {
        skip("root may write everywhere");
        return;
    }
    CHECK_THROWS_AS(output_file("/report.json"), std::system_error);
}

TEST_CASE("a device is written, not replaced") {
    {
        output_file file("/dev/null");
        file.commit("text");
    }
    CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("the progress bar fits a terminal and fills up") {
    CHECK(progress_line(0, 10, "x").find('#') == std::string::npos);
    CHECK(progress_line(10, 10, "x").find('.') == std::string::npos);
    CHECK(progress_line(5, 10, "x").find("50 %") != std::string::npos);
    CHECK(progress_line(20, 10, std::string(200, 'x')).size() <= 79);
    CHECK(progress_line(0, 0, "x").find("0 %") != std::string::npos);
}
