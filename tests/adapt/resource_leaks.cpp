// SPDX-License-Identifier: MIT
/// \file
/// What a resource says of blocks that are live when it ends: nothing, a line for each class, or a line and
/// the program's end.

#include "millpond/millpond.hpp"

#include <csignal>
#include <cstddef>

#include "pool/child.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::leak_policy;
using millpond::pool_resource;
using millpond::test::checking_upstream;
using millpond::test::run_in_child;

namespace {

constexpr const char* three_lines =
    "millpond: pool 'leaky': destroyed with 2 live blocks of 64 bytes\n"
    "millpond: pool 'leaky': destroyed with 1 live block of 1024 bytes\n"
    "millpond: pool 'leaky': destroyed with 2 live blocks, 170000 bytes "
    "in all\n";

/// Leaves blocks of two classes and of none.
template <class Resource>
void leave_blocks(leak_policy leaks, std::pmr::memory_resource* upstream) {
    Resource resource({.name = "leaky", .leaks = leaks}, upstream);
    (void)resource.allocate(64);
    (void)resource.allocate(60);
    resource.deallocate(resource.allocate(64), 64);
    (void)resource.allocate(1000);
    resource.deallocate(resource.allocate(5000), 5000);
    (void)resource.allocate(70'000);
    (void)resource.allocate(100'000);
}

} // namespace

TEST_CASE_TEMPLATE("a resource that is told to reports the live blocks of each class and goes on",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    const auto on_pages =
        run_in_child([] { leave_blocks<Resource>(leak_policy::report, nullptr); });
    CHECK(on_pages.error_output == three_lines);
    CHECK(on_pages.code == 0);
    const auto in_chunks = run_in_child([] {
        checking_upstream upstream;
        leave_blocks<Resource>(leak_policy::report, &upstream);
        _exit(upstream.bytes() == 0 ? 0 : 1);
    });
    CHECK(in_chunks.error_output == three_lines);
    CHECK(in_chunks.code == 0);
}

TEST_CASE_TEMPLATE("a resource that is told to stops the program at live blocks",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    const auto result = run_in_child([] { leave_blocks<Resource>(leak_policy::stop, nullptr); });
    CHECK(result.error_output == three_lines);
    CHECK(result.signal == SIGABRT);
}

TEST_CASE_TEMPLATE("a resource that is told to stops the program at a live block of no class",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    const auto result = run_in_child([] {
        Resource resource({.name = "leaky", .leaks = leak_policy::stop});
        (void)resource.allocate(70'000);
    });
    CHECK(result.error_output ==
          "millpond: pool 'leaky': destroyed with 1 live block, 70000 bytes in all\n");
    CHECK(result.signal == SIGABRT);
}

TEST_CASE_TEMPLATE(
    "a resource says nothing of live blocks unless it is told to, or after a release",
    Resource,
    pool_resource,
    concurrent_pool_resource) {
    const auto ignored = run_in_child([] { leave_blocks<Resource>(leak_policy::ignore, nullptr); });
    CHECK(ignored.error_output == "");
    CHECK(ignored.code == 0);
    const auto released = run_in_child([] {
        Resource resource({.name = "leaky", .leaks = leak_policy::stop});
        (void)resource.allocate(64);
        (void)resource.allocate(70'000);
        resource.release();
    });
    CHECK(released.error_output == "");
    CHECK(released.code == 0);
}

TEST_CASE_TEMPLATE("a resource without live blocks ends without a word",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    const auto result = run_in_child([] {
        Resource resource({.name = "leaky", .leaks = leak_policy::stop});
        resource.deallocate(resource.allocate(64), 64);
        resource.deallocate(resource.allocate(70'000), 70'000);
    });
    CHECK(result.error_output == "");
    CHECK(result.code == 0);
}
