// SPDX-License-Identifier: MIT
/// \file
/// Starting a worker, and being one.

#include "worker.hpp"

#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "plan.hpp"
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millpond::bench {

namespace {

/// The file that provides malloc in this process.
std::string malloc_provider() {
    Dl_info where{};
    void* const address = dlsym(RTLD_DEFAULT, "malloc");
    if (address == nullptr || dladdr(address, &where) == 0 || where.dli_fname == nullptr) {
        return "";
    }
    return where.dli_fname;
}

std::vector<std::string> worker_arguments(const contender& who, const task& asked) {
    return {"/proc/self/exe",
            "worker",
            "--contender",
            std::string(who.name),
            "--pattern",
            std::string(name_of(asked.what)),
            "--bytes",
            std::to_string(asked.block_bytes),
            "--blocks",
            std::to_string(asked.blocks),
            "--operations",
            std::to_string(asked.operations),
            "--percent",
            std::to_string(asked.percent_occupied),
            "--threads",
            std::to_string(asked.threads)};
}

/// In the child: becomes the worker. Does not return.
[[noreturn]] void become_worker(const contender& who, const task& asked, int output) {
    dup2(output, STDOUT_FILENO);
    if (!who.preload.empty()) {
        setenv("LD_PRELOAD", library_path(who.preload).c_str(), 1);
    }
    std::vector<std::string> arguments = worker_arguments(who, asked);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    execv("/proc/self/exe", pointers.data());
    _exit(127);
}

/// Reads until the other end closes or the time is over; false when it is over.
bool read_all(int input, int seconds_max, std::string& text) {
    const auto deadline = static_cast<double>(seconds_max) * 1e3;
    timespec start{};
    clock_gettime(CLOCK_MONOTONIC, &start);
    std::array<char, 4096> buffer{};
    while (true) {
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        const double spent = static_cast<double>(now.tv_sec - start.tv_sec) * 1e3 +
                             static_cast<double>(now.tv_nsec - start.tv_nsec) / 1e6;
        if (spent >= deadline) {
            return false;
        }
        pollfd waiting{input, POLLIN, 0};
        if (poll(&waiting, 1, static_cast<int>(deadline - spent) + 1) <= 0) {
            continue;
        }
        const ssize_t got = read(input, buffer.data(), buffer.size());
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(got));
        } else if (errno != EINTR) {
            return true;
        }
    }
}

outcome parse(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    outcome found;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string kind;
        words >> kind;
        if (kind == "checksum") {
            words >> found.checksum;
        } else if (kind == "figure") {
            figure one;
            words >> one.value >> std::ws;
            std::getline(words, one.name);
            found.figures.push_back(one);
        }
    }
    return found;
}

std::string describe_death(int status) {
    if (WIFSIGNALED(status)) {
        return std::string("died: ") + strsignal(WTERMSIG(status));
    }
    return "failed with exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace

std::string library_path(std::string_view library) {
    for (const char* const folder : {"/usr/lib/x86_64-linux-gnu/",
                                     "/usr/lib/aarch64-linux-gnu/",
                                     "/usr/lib64/",
                                     "/usr/lib/",
                                     "/usr/local/lib/"}) {
        const std::string path = folder + std::string(library);
        if (access(path.c_str(), R_OK) == 0) {
            return path;
        }
    }
    return "";
}

void run_worker(const contender& who, const task& asked) {
    if (!who.preload.empty()) {
        const std::string provider = malloc_provider();
        const std::string wanted(who.preload.substr(0, who.preload.find(".so")));
        if (provider.find(wanted) == std::string::npos) {
            throw std::runtime_error("malloc comes from " + provider + " and not from " +
                                     std::string(who.preload));
        }
    }
    const outcome found = who.run(asked);
    std::printf("checksum %llu\n", static_cast<unsigned long long>(found.checksum));
    for (const figure& one : found.figures) {
        if (!std::isfinite(one.value)) {
            throw std::runtime_error(one.name + " is not a number");
        }
        std::printf("figure %.6g %s\n", one.value, one.name.c_str());
    }
    std::fflush(stdout);
}

answer ask_worker(const contender& who, const task& asked, int seconds_max) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    }
    const pid_t child = fork();
    if (child < 0) {
        throw std::system_error(errno, std::generic_category(), "cannot start a worker");
    }
    if (child == 0) {
        become_worker(who, asked, ends[1]);
    }
    close(ends[1]);
    std::string text;
    const bool in_time = read_all(ends[0], seconds_max, text);
    close(ends[0]);
    if (!in_time) {
        kill(child, SIGKILL);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time) {
        return {std::nullopt, "took more than " + std::to_string(seconds_max) + " s"};
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return {std::nullopt, describe_death(status)};
    }
    return {parse(text), ""};
}

} // namespace millpond::bench
