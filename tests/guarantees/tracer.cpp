// SPDX-License-Identifier: MIT
/// \file
/// Single stepping on x86-64 Linux.

#include "tracer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include <ucontext.h>

namespace millpond::guarantees {

namespace {

std::vector<bound> bounds;
bound call; // the one that is stepped through, or the last

void note() {
    const auto known = std::find_if(bounds.begin(), bounds.end(), [](const bound& each) {
        return each.operation == call.operation;
    });
    bound& most = known == bounds.end() ? bounds.emplace_back(call) : *known;
    ++most.calls;
    if (call.instructions > most.instructions) {
        most.instructions = call.instructions;
        most.scenario = call.scenario;
    }
    most.system_calls = std::max(most.system_calls, call.system_calls);
}

#if defined(__x86_64__)

constexpr greg_t trap_flag = 0x100;
constexpr unsigned char breakpoint = 0xcc;                         // int3, one byte
constexpr std::array<unsigned char, 2> system_call = {0x0f, 0x05}; // syscall, two bytes

/// Called past the first mark and past each instruction until the second one, over which it lifts the thread.
void on_trap(int /*signal*/, siginfo_t* /*info*/, void* context) {
    greg_t* const registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    if ((registers[REG_EFL] & trap_flag) == 0) {
        registers[REG_EFL] |= trap_flag;
        call.instructions = 0;
        call.system_calls = 0;
    }
    const auto* const next = reinterpret_cast<const unsigned char*>(registers[REG_RIP]);
    if (*next == breakpoint) {
        registers[REG_EFL] &= ~trap_flag;
        ++registers[REG_RIP];
        note(); // may allocate: no call is under way
        return;
    }
    ++call.instructions;
    if (std::equal(system_call.begin(), system_call.end(), next)) {
        ++call.system_calls;
        ++call.instructions; // the next one: the kernel returns to it and says nothing
    }
}

#endif

} // namespace

std::string why_not_here() {
#if defined(__x86_64__)
    return {};
#else
    return "marks are written for x86-64 only";
#endif
}

void announce(const char* operation, const char* scenario) {
    call.operation = operation;
    call.scenario = scenario;
}

std::vector<bound> trace(const std::function<void()>& body) {
#if defined(__x86_64__)
    struct sigaction action {};

    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;

    struct sigaction before {};

    if (sigaction(SIGTRAP, &action, &before) != 0) {
        throw std::system_error(errno, std::generic_category(), "sigaction");
    }
    bounds.clear();
    body();
    sigaction(SIGTRAP, &before, nullptr);
#else
    (void)body;
#endif
    return bounds;
}

} // namespace millpond::guarantees
