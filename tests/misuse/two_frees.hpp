// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Two frees of one block, the second of which interrupts the first at every instruction in turn.

#include <csignal>
#include <cstddef>
#include <cstdlib>

#include "interrupt.hpp"
#include "victim.hpp"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace misuse {

/// The calling thread's free, interrupted by one of the form that a signal handler uses: it knows no
/// more of the block than another thread would.
template <class Victim>
class two_frees {
public:
    two_frees(Victim& it, void* block)
        : it_(it)
        , block_(block) {
        require_stepping();
        note("block", block);
    }

    /// Interrupts the free at every instruction, each time in a process of its own, which must be
    /// stopped. The first place where neither free was refused, only what followed; 0: none.
    [[nodiscard]] std::size_t first_that_both_passed() const {
        std::size_t found = 0;
        for (std::size_t at = 1;; ++at) {
            const bool both = try_at(at);
            if (over_) {
                return found;
            }
            found = both && found == 0 ? at : found;
        }
    }

    /// Does it here: both frees, and then all there is to get.
    bool again(std::size_t at) const {
        const bool interrupted = interrupt(
            at, [&] { it_.give(block_); }, [&] { it_.pool().deallocate_direct(block_); });
        if (interrupted) {
            passed_both();
            (void)it_.take_all();
        }
        return interrupted;
    }

private:
    static constexpr char mark_of_both = 'b';

    /// Tells the parent, if there is one that listens.
    void passed_both() const {
        if (out_ != -1) {
            const auto ignored = write(out_, &mark_of_both, 1);
            static_cast<void>(ignored);
        }
    }

    /// True when a child found that neither free was refused; sets over_ when the free was too short
    /// to be interrupted there.
    bool try_at(std::size_t at) const {
        int ends[2];
        if (pipe(ends) != 0) {
            std::exit(5);
        }
        const pid_t child = fork();
        if (child == 0) {
            out_ = ends[1];
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
            _exit(again(at) ? 1 : 0);
        }
        close(ends[1]);
        char said = 0;
        const bool both = read(ends[0], &said, 1) == 1 && said == mark_of_both;
        close(ends[0]);
        int status = 0;
        waitpid(child, &status, 0);
        over_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        const bool stopped = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
        if (!over_ && !stopped) {
            std::fprintf(stderr, "not stopped at instruction %zu: status %d\n", at, status);
            std::exit(6);
        }
        return both;
    }

    Victim& it_;
    void* block_;
    mutable int out_ = -1;
    mutable bool over_ = false;
};

} // namespace misuse
