// SPDX-License-Identifier: MIT
/// \file
/// Single stepping with ptrace on x86-64 Linux.

#include "tracer.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millpond::guarantees {

namespace {

/// What the child says of the call to come, in memory that both processes see.
struct announcement {
    std::array<char, 64> operation;
    std::array<char, 128> scenario;
};

announcement* shared = nullptr;

/// Lets the child go on and waits until it stops or ends.
int resume(pid_t child, bool one_step) {
    if (ptrace(one_step ? PTRACE_SINGLESTEP : PTRACE_CONT, child, nullptr, nullptr) != 0) {
        throw std::runtime_error(std::string("ptrace: ") + std::strerror(errno));
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

/// True when the child stopped at a mark, false when it ended well; throws for anything else.
bool stopped_at_mark(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return false;
    }
    if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) {
        return true;
    }
    throw std::runtime_error("the measured process ended with status " + std::to_string(status));
}

/// The two bytes at the child's next instruction. Its code does not change: each place is read once.
unsigned next_instruction(pid_t child) {
    static std::unordered_map<long, unsigned> read;
    const long place = ptrace(PTRACE_PEEKUSER, child, offsetof(user_regs_struct, rip), nullptr);
    const auto [known, is_new] = read.try_emplace(place);
    if (is_new) {
        const long word = ptrace(PTRACE_PEEKTEXT, child, place, nullptr);
        known->second = static_cast<unsigned>(word) & 0xffffU;
    }
    return known->second;
}

/// Keeps this process and its children on one processor: each step is a change to the other process and
/// back, and much slower from one processor to another.
void stay_on_one_processor() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    const int here = sched_getcpu();
    if (here >= 0) {
        CPU_SET(static_cast<unsigned>(here), &allowed);
        (void)sched_setaffinity(0, sizeof allowed, &allowed); // slower if it is refused, no worse
    }
}

constexpr unsigned breakpoint = 0xcc;           // int3, one byte
constexpr unsigned system_call_opcode = 0x050f; // syscall, two bytes

/// Steps from a mark to the next one.
void step_through(pid_t child, bound& counts) {
    counts.instructions = 0;
    counts.system_calls = 0;
    for (;;) {
        const unsigned opcode = next_instruction(child);
        if ((opcode & 0xffU) == breakpoint) {
            break;
        }
        ++counts.instructions;
        counts.system_calls += opcode == system_call_opcode ? 1U : 0U;
        if (!stopped_at_mark(resume(child, true))) {
            throw std::runtime_error("the measured process ended inside a call");
        }
    }
    (void)stopped_at_mark(resume(child, true)); // over the second mark
}

void note(std::vector<bound>& bounds, const bound& seen) {
    for (bound& known : bounds) {
        if (known.operation != seen.operation) {
            continue;
        }
        ++known.calls;
        if (seen.instructions > known.instructions) {
            known.instructions = seen.instructions;
            known.scenario = seen.scenario;
        }
        known.system_calls = std::max(known.system_calls, seen.system_calls);
        return;
    }
    bounds.push_back(seen);
    bounds.back().calls = 1;
}

[[noreturn]] void be_traced(const std::function<void()>& body) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
        _exit(77);
    }
    raise(SIGSTOP);
    body();
    _exit(0);
}

} // namespace

std::string why_not_here() {
#if !defined(__x86_64__)
    return "marks are written for x86-64 only";
#else
    const pid_t child = fork();
    if (child == 0) {
        be_traced([] {});
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status)) {
        return "this system does not let a process trace its child";
    }
    resume(child, false);
    return {};
#endif
}

void announce(const char* operation, const char* scenario) {
    std::snprintf(shared->operation.data(), shared->operation.size(), "%s", operation);
    std::snprintf(shared->scenario.data(), shared->scenario.size(), "%s", scenario);
}

std::vector<bound> trace(const std::function<void()>& body) {
    void* const memory = mmap(
        nullptr, sizeof(announcement), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::runtime_error("no shared memory for the announcements");
    }
    shared = static_cast<announcement*>(memory);
    stay_on_one_processor();
    const pid_t child = fork();
    if (child == 0) {
        be_traced(body);
    }
    int status = 0;
    waitpid(child, &status, 0);
    std::vector<bound> bounds;
    while (stopped_at_mark(resume(child, false))) {
        bound seen;
        seen.operation = shared->operation.data();
        seen.scenario = shared->scenario.data();
        step_through(child, seen);
        note(bounds, seen);
    }
    munmap(memory, sizeof(announcement));
    return bounds;
}

} // namespace millpond::guarantees
