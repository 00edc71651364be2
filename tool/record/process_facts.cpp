// SPDX-License-Identifier: MIT
#include "record/process_facts.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "trace/facts.hpp"
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millpond::tool {
namespace {

/// The first version of the kernel's struct, which the headers of most systems do not have yet.
struct pidfd_information {
    std::uint64_t mask;
    std::uint64_t group;
    std::uint32_t ids[11];
    std::int32_t exit_code;
};

constexpr std::uint64_t exit_code_wanted = 1U << 3U;
constexpr unsigned long pidfd_get_information = _IOWR(0xFF, 11, pidfd_information);

/// Of a process that somebody has waited for already; Linux 6.15 and later.
std::optional<int> status_after(int descriptor) {
    pidfd_information about{};
    about.mask = exit_code_wanted;
    if (descriptor < 0 || ioctl(descriptor, pidfd_get_information, &about) != 0 ||
        (about.mask & exit_code_wanted) == 0) {
        return std::nullopt;
    }
    return about.exit_code;
}

/// Of an own child that nobody has waited for.
std::optional<int> status_of_child(std::uint32_t pid) {
    siginfo_t info{};
    if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
        return std::nullopt;
    }
    return info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
                                      : W_EXITCODE(0, info.si_status);
}

/// Empty when the process ends before it is read: then the read fails, which iterators of a stream would throw.
std::string content_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::string content;
    std::getline(in, content, '\0');
    return content;
}

/// Of another's child that it has not waited for yet: the last field of its line in /proc.
std::optional<int> status_before(std::uint32_t pid) {
    const std::string line = content_of(fmt::format("/proc/{}/stat", pid));
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos || line.compare(name_end, 4, ") Z ") != 0) {
        return std::nullopt;
    }
    const std::size_t last = line.find_last_of(' ') + 1;
    int status = 0;
    const auto [end, error] =
        std::from_chars(line.data() + last, line.data() + line.size(), status);
    return error == std::errc{} ? std::optional(status) : std::nullopt;
}

} // namespace

std::int64_t wait_status_of(std::uint32_t pid, int descriptor) {
    std::optional<int> status = status_of_child(pid);
    status = status ? status : status_before(pid);
    status = status ? status : status_after(descriptor);
    return status ? *status : unknown_wait_status;
}

std::vector<left_process> processes_that_map(std::uint64_t inode) {
    const std::string wanted = fmt::format(" {} ", inode);
    std::vector<left_process> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const std::string number = entry.path().filename().string();
        left_process one;
        const auto [end, error] =
            std::from_chars(number.data(), number.data() + number.size(), one.pid);
        if (error != std::errc{} || end != number.data() + number.size() ||
            one.pid == static_cast<std::uint32_t>(getpid())) {
            continue;
        }
        std::ifstream maps(entry.path() / "maps");
        for (std::string line; std::getline(maps, line);) {
            if (line.find("/memfd:millpond_record") != std::string::npos &&
                line.find(wanted) != std::string::npos) {
                std::ifstream comm(entry.path() / "comm");
                std::getline(comm, one.name);
                found.push_back(one);
                break;
            }
        }
    }
    return found;
}

} // namespace millpond::tool
