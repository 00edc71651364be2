// SPDX-License-Identifier: MIT
#include "record/process_facts.hpp"

#include <thread>

#include "trace/facts.hpp"
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace millpond::tool;

TEST_CASE("a process that ends while its status is asked for has it or an unknown one") {
    for (unsigned i = 0; i < 300; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            usleep(i);
            _exit(3);
        }
        REQUIRE(child > 0);
        const std::jthread reaper([child] { waitpid(child, nullptr, 0); });
        while (kill(child, 0) == 0) {
            const std::int64_t status = wait_status_of(static_cast<std::uint32_t>(child), -1);
            REQUIRE((status == unknown_wait_status || status == W_EXITCODE(3, 0)));
        }
    }
    CHECK(wait_status_of(static_cast<std::uint32_t>(getpid()), -1) == unknown_wait_status);
}
