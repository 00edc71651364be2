// SPDX-License-Identifier: MIT
/// \file
/// A process that may have only so much: what a pool costs, how far it grows, and what it says. Each case runs
/// in a child, because a limit that was lowered stays.

#include "millpond/pool/arena.hpp"
#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/handle_pool.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "child.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t mebibyte = 1024 * kibibyte;

/// What this process has, as /proc/self/status says it: "VmData:", "VmSize:".
std::size_t bytes_of(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(field)) {
            return std::strtoull(line.c_str() + field.size(), nullptr, 10) * kibibyte;
        }
    }
    return 0;
}

/// Lets this process have so many bytes, and returns that.
template <class Resource>
std::size_t limit(Resource resource, std::size_t bytes) {
    const rlimit most{.rlim_cur = bytes, .rlim_max = bytes};
    setrlimit(resource, &most);
    return bytes;
}

/// The text of what `action` throws.
template <class Action>
std::string refusal(Action action) {
    try {
        action();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "nothing was refused";
}

/// Runs `body`, which returns what is wrong, in a child.
template <class Body>
std::string fault_in_child(Body body) {
    const auto ended = millpond::test::run_in_child([&] {
        const std::string fault = body();
        std::fputs(fault.c_str(), stderr);
    });
    return ended.signal == 0 ? ended.error_output : "killed by " + std::to_string(ended.signal);
}

bool is_skipped() {
    if (millpond::test::sanitized) {
        millpond::test::skip("a sanitizer needs more than the limit");
    }
    return millpond::test::sanitized;
}

} // namespace

TEST_CASE("metadata is committed for what a pool has and not for what it may grow to") {
    millpond::block_pool pool({.block_bytes = 4, .capacity = 1000, .max_capacity = 4'000'000'000});
    // The words above the words of blocks are there from the start.
    CHECK(pool.stats().bytes_metadata < 9 * mebibyte);
    std::vector<void*> blocks(3'000'000);
    pool.allocate_bulk(blocks);
    CHECK(pool.stats().bytes_metadata > 3'000'000);
    CHECK(pool.stats().bytes_metadata < 14 * mebibyte);
    pool.deallocate_bulk(blocks);
    millpond::handle_pool<int> handles({.capacity = 1000, .max_capacity = 1'000'000'000});
    CHECK(handles.stats().bytes_metadata < mebibyte);
    for (int i = 0; i < 200'000; ++i) {
        (void)handles.create(i);
    }
    CHECK(handles.stats().bytes_metadata < 12 * handles.capacity() + mebibyte);
    CHECK(handles.verify());
}

TEST_CASE("a free of a block whose metadata is not committed yet is told as that of any other") {
    const auto ended = millpond::test::run_in_child([] {
        millpond::block_pool pool({.name = "p",
                                   .block_bytes = 8,
                                   .capacity = 10,
                                   .max_capacity = 100'000'000,
                                   .leaks = millpond::leak_policy::ignore});
        auto* const first = static_cast<std::byte*>(pool.allocate());
        pool.deallocate(first + std::size_t{8} * 90'000'000);
    });
    CHECK(ended.signal == SIGABRT);
    CHECK(ended.error_output.find("never") != std::string::npos);
}

TEST_CASE("a pool that may grow to a hundred million is made and grows where data are limited") {
    if (is_skipped()) {
        return;
    }
    CHECK(fault_in_child([]() -> std::string {
              limit(RLIMIT_DATA, bytes_of("VmData:") + 16 * mebibyte);
              millpond::block_pool pool({.name = "p",
                                         .block_bytes = 8,
                                         .capacity = 1000,
                                         .max_capacity = 100'000'000,
                                         .leaks = millpond::leak_policy::ignore});
              std::size_t taken = 0;
              while (pool.try_allocate() != nullptr) {
                  ++taken;
              }
              return taken * 8 > 12 * mebibyte && pool.verify()
                         ? ""
                         : "only " + std::to_string(taken) + " blocks";
          }) == "");
}

TEST_CASE("a pool near a limit grows by smaller steps until no page is left and names the limit") {
    if (is_skipped()) {
        return;
    }
    for (const bool prefault : {false, true}) {
        CHECK(fault_in_child([prefault]() -> std::string {
                  millpond::block_pool pool({.name = "p",
                                             .block_bytes = 64,
                                             .capacity = 100,
                                             .max_capacity = 60'000,
                                             .prefault = prefault,
                                             .leaks = millpond::leak_policy::ignore});
                  const std::size_t most =
                      limit(RLIMIT_DATA, bytes_of("VmData:") + 1500 * kibibyte);
                  while (pool.try_allocate() != nullptr) {
                  }
                  const std::size_t grown = pool.size() * 64;
                  if (grown < 1490 * kibibyte || grown > 1510 * kibibyte) {
                      return "grew to " + std::to_string(grown);
                  }
                  const std::string text = refusal([&] { (void)pool.allocate(); });
                  const std::string figure = std::to_string(pool.size());
                  return text == "millpond: pool 'p' is exhausted: capacity " + figure + ", peak " +
                                     figure +
                                     "; growing was refused: Cannot allocate memory "
                                     "(RLIMIT_DATA is " +
                                     std::to_string(most) + " bytes)"
                             ? ""
                             : text;
              }) == "");
    }
}

TEST_CASE("an arena near a limit grows by smaller steps until what is asked for does not fit") {
    if (is_skipped()) {
        return;
    }
    CHECK(fault_in_child([]() -> std::string {
              millpond::arena scratch(
                  {.name = "a", .capacity = 4096, .max_capacity = 64 * mebibyte});
              limit(RLIMIT_DATA, bytes_of("VmData:") + 1500 * kibibyte);
              while (scratch.try_allocate(1000, 1) != nullptr) {
              }
              const std::string text = refusal([&] { (void)scratch.allocate(1000, 1); });
              return scratch.size() > 1490 * kibibyte &&
                             text.find(" (RLIMIT_DATA is ") != std::string::npos
                         ? ""
                         : std::to_string(scratch.size()) + ": " + text;
          }) == "");
}

TEST_CASE("a reservation or a commit that is refused names the limit that was hit") {
    if (is_skipped()) {
        return;
    }
    CHECK(fault_in_child([]() -> std::string {
              const std::size_t most = limit(RLIMIT_AS, bytes_of("VmSize:") + 16 * mebibyte);
              const std::string text = refusal([] {
                  const millpond::block_pool pool(
                      {.name = "p", .block_bytes = mebibyte, .capacity = 1, .max_capacity = 64});
              });
              return text == "millpond: pool 'p': cannot reserve 67108864 bytes in pages of "
                             "4096 (RLIMIT_AS is " +
                                 std::to_string(most) + " bytes): Cannot allocate memory"
                         ? ""
                         : text;
          }) == "");
    CHECK(fault_in_child([]() -> std::string {
              limit(RLIMIT_DATA, bytes_of("VmData:") + 16 * mebibyte);
              const std::string text = refusal([] {
                  const millpond::block_pool pool(
                      {.name = "p", .block_bytes = mebibyte, .capacity = 64});
              });
              return text.find("cannot commit 67108864 bytes in pages of 4096 (RLIMIT_DATA is ") !=
                             std::string::npos
                         ? ""
                         : text;
          }) == "");
}

TEST_CASE("a lock that is refused names the limit of locked memory") {
    if (is_skipped()) {
        return;
    }
    for (const std::size_t most : {std::size_t{0}, 64 * kibibyte}) {
        CHECK(fault_in_child([most]() -> std::string {
                  limit(RLIMIT_MEMLOCK, most);
                  if (geteuid() == 0 && setuid(65'534) != 0) {
                      return ""; // who may lock everything is refused nothing
                  }
                  const std::string text = refusal([] {
                      const millpond::block_pool pool({.name = "p",
                                                       .block_bytes = kibibyte,
                                                       .capacity = 1000,
                                                       .memory = {.lock = true}});
                  });
                  return text.find(" (RLIMIT_MEMLOCK is " + std::to_string(most) + " bytes)") !=
                                 std::string::npos
                             ? ""
                             : text;
              }) == "");
    }
}

TEST_CASE("a process out of mappings is told so") {
    if (is_skipped()) {
        return;
    }
    std::size_t most = 0;
    if (!(std::ifstream("/proc/sys/vm/max_map_count") >> most) || most > 300'000) {
        millpond::test::skip("this system allows too many mappings, or does not say how many");
        return;
    }
    for (const std::size_t spare : {0U, 3U}) { // none to reserve with, or none to commit with
        CHECK(fault_in_child([most, spare]() -> std::string {
                  std::vector<void*> taken;
                  taken.reserve(most);
                  for (int rights = PROT_NONE;; rights ^= PROT_READ) { // neighbours do not join
                      void* const made =
                          mmap(nullptr, 4096, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                      if (made == MAP_FAILED) {
                          break;
                      }
                      taken.push_back(made);
                  }
                  for (std::size_t i = 0; i < spare; ++i) {
                      munmap(taken[taken.size() - 1 - i], 4096);
                  }
                  std::string text;
                  std::vector<millpond::block_pool> pools;
                  for (int i = 0; i < 10 && text.empty(); ++i) {
                      text = refusal([&] {
                          pools.emplace_back(millpond::block_pool_options{
                              .name = "p", .block_bytes = 8, .capacity = 1, .max_capacity = 9999});
                      });
                      text = text == "nothing was refused" ? "" : text;
                  }
                  return text.find(" (vm.max_map_count is " + std::to_string(most) + ")") !=
                                 std::string::npos
                             ? ""
                             : text + "?";
              }) == "");
    }
}
