// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Runs a function in a child process, for what a process does not survive.

#include <array>
#include <csignal>
#include <cstddef>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace millpond::test {

/// How a child ended, and what it wrote to standard error.
struct outcome {
    int signal = 0; ///< that killed it; 0 if it exited
    int code = -1;  ///< exit code; -1 if a signal killed it
    std::string error_output;
};

/// Takes out the line that QEMU adds to the last words of an emulated program that a signal kills.
inline void erase_emulators_line(std::string& text) {
    const std::size_t begin = text.find("qemu: uncaught target signal ");
    if (begin != std::string::npos) {
        const std::size_t end = text.find('\n', begin);
        text.erase(begin, end == std::string::npos ? end : end + 1 - begin);
    }
}

/// The child runs `body` and exits with 0, unless `body` ends it.
template <class Body>
outcome run_in_child(Body body) {
    std::array<int, 2> pipe_ends{};
    outcome result;
    if (pipe(pipe_ends.data()) != 0) {
        return result;
    }
    const pid_t child = fork();
    if (child == 0) {
        // Sanitizers and doctest turn these into exit codes; the test is about the signal itself.
        std::signal(SIGSEGV, SIG_DFL);
        std::signal(SIGBUS, SIG_DFL);
        std::signal(SIGABRT, SIG_DFL);
        dup2(pipe_ends[1], STDERR_FILENO);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        body();
        _exit(0);
    }
    close(pipe_ends[1]);
    std::array<char, 512> text{};
    for (;;) {
        const ssize_t got = read(pipe_ends[0], text.data(), text.size());
        if (got <= 0) {
            break;
        }
        result.error_output.append(text.data(), static_cast<std::size_t>(got));
    }
    close(pipe_ends[0]);
    erase_emulators_line(result.error_output);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        result.signal = WTERMSIG(status);
    } else {
        result.code = WEXITSTATUS(status);
    }
    return result;
}

} // namespace millpond::test
