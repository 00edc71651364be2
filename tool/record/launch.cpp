// SPDX-License-Identifier: MIT
#include "record/launch.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "record/program_check.hpp"
#include "record/shared_area.hpp"
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millpond::tool {
namespace {

constexpr std::string_view library_name = "libmillpond_record.so";

/// The environment with the library first among those preloaded, and the area's name.
std::vector<std::string> environment_for(const std::filesystem::path& library,
                                         const std::string& area_path) {
    const std::string preload = "LD_PRELOAD=";
    const std::string area = fmt::format("{}=", area_variable);
    std::string preloaded = preload + library.string();
    std::vector<std::string> variables;
    for (char** one = environ; *one != nullptr; ++one) {
        const std::string variable = *one;
        if (variable.starts_with(preload)) {
            preloaded += variable.size() > preload.size() ? ":" : "";
            preloaded += variable.substr(preload.size());
        } else if (!variable.starts_with(area)) {
            variables.push_back(variable);
        }
    }
    variables.push_back(preloaded);
    variables.push_back(area + area_path);
    return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

} // namespace

std::filesystem::path find_preload_library() {
    const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe");
    const std::array candidates = {own.parent_path() / library_name,
                                   own.parent_path().parent_path() / MILLPOND_LIBRARY_FOLDER /
                                       "millpond" / library_name};
    for (const std::filesystem::path& candidate : candidates) {
        if (!std::filesystem::exists(candidate)) {
            continue;
        }
        if (candidate.string().find_first_of(" :") != std::string::npos) {
            throw program_error(fmt::format("{}: the dynamic loader preloads no library with a "
                                            "space or colon in its path; move the installation",
                                            candidate.string()));
        }
        return candidate;
    }
    throw program_error(fmt::format("{} is neither in {} nor in {}; the installation is incomplete",
                                    library_name,
                                    candidates[0].parent_path().string(),
                                    candidates[1].parent_path().string()));
}

pid_t launch(const std::filesystem::path& program,
             const std::vector<std::string>& command,
             const std::filesystem::path& library,
             const std::string& area_path,
             const sigset_t& mask) {
    std::vector<std::string> words = command;
    std::vector<std::string> variables = environment_for(library, area_path);
    const std::vector<char*> argv = pointers_to(words);
    const std::vector<char*> envp = pointers_to(variables);
    // The pipe closes by itself when the program starts, and carries errno when it does not.
    std::array<int, 2> report{};
    if (pipe2(report.data(), O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe");
    }
    const pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &mask, nullptr);
        execve(program.c_str(), argv.data(), envp.data());
        const int error = errno;
        (void)!write(report[1], &error, sizeof error);
        _exit(127);
    }
    const int fork_error = errno;
    close(report[1]);
    int error = child < 0 ? fork_error : 0;
    if (child > 0 && read(report[0], &error, sizeof error) > 0) {
        waitpid(child, nullptr, 0);
    }
    close(report[0]);
    if (error != 0) {
        throw program_error(fmt::format(
            "{}: cannot be started: {}", program.string(), std::generic_category().message(error)));
    }
    return child;
}

} // namespace millpond::tool
