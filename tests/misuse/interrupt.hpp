// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Interrupts a call before any of its instructions and does something else there, as a signal
/// handler, or another thread at the worst moment, would. The processor's trap flag stops the program
/// after every instruction; the handler counts, and at the wanted one makes the other call. So a
/// program can try every moment there is, and does the same each time it is run.

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "support/sanitized.hpp"
#include <ucontext.h>

namespace misuse {

namespace detail {

struct interruption {
    bool begins = false;  ///< what the next breakpoint means
    std::size_t left = 0; ///< instructions until it happens
    std::function<void()> does;
};

inline interruption next; // the handler's, hence not in a function

#if defined(__x86_64__)
inline constexpr bool can_step = !millpond::test::sanitized;

inline void on_trap(int /*signal*/, siginfo_t* why, void* place) {
    constexpr greg_t trap_flag = 0x100;
    greg_t& flags = static_cast<ucontext_t*>(place)->uc_mcontext.gregs[REG_EFL];
    if (why->si_code == SI_KERNEL) { // a breakpoint instruction
        flags = next.begins ? flags | trap_flag : flags & ~trap_flag;
    } else if (next.left > 0 && --next.left == 0) {
        flags &= ~trap_flag;
        next.does();
    }
}

inline void breakpoint() {
    asm volatile("int3" : : : "memory");
}
#else
inline constexpr bool can_step = false;

inline void on_trap(int /*signal*/, siginfo_t* /*why*/, void* /*place*/) {}

inline void breakpoint() {}
#endif

} // namespace detail

/// Ends the program as skipped where a call cannot be interrupted like this.
inline void require_stepping() {
    if (!detail::can_step) {
        std::printf("skipped: steps through machine code, on x86-64 without sanitizers\n");
        std::fflush(stdout);
        std::_Exit(77);
    }

    struct sigaction action {};

    action.sa_sigaction = detail::on_trap;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGTRAP, &action, nullptr);
}

/// Calls `interrupted`, and `interrupting` after as many of its instructions; false when it is over
/// before that.
template <class Interrupted, class Interrupting>
bool interrupt(std::size_t instructions, Interrupted interrupted, Interrupting interrupting) {
    detail::next.does = interrupting;
    detail::next.left = instructions;
    detail::next.begins = true;
    detail::breakpoint();
    interrupted();
    detail::next.begins = false;
    detail::breakpoint();
    return detail::next.left == 0;
}

} // namespace misuse
