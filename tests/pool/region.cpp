// SPDX-License-Identifier: MIT
/// \file
/// Contiguous memory with an owner: memory/region.hpp.

#include "millpond/memory/region.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "child.hpp"
#include "process_maps.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <sys/prctl.h>

using millpond::mapping_options;
using millpond::page_size;
using millpond::region;
using millpond::test::mapping_of;

namespace {

const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

/// True when this kernel names anonymous memory.
bool kernel_names_memory() {
    void* const probe =
        mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool named = prctl(0x53564d41, 0, probe, page, "probe") == 0;
    munmap(probe, page);
    return named;
}

} // namespace

TEST_CASE("a mapped region is reserved whole and commits nothing by itself") {
    const region reserved = region::mapped({.name = "r", .bytes = 10 * page + 1});
    CHECK(reserved.size() == 11 * page);
    CHECK(reserved.committed() == 0);
    CHECK(mapping_of(reserved.data()).permissions == "---p");
}

TEST_CASE("a commit makes whole pages writable and keeps what was written before") {
    region grown = region::mapped({.name = "r", .bytes = 10 * page});
    REQUIRE(grown.commit(1) == 0);
    CHECK(grown.committed() == page);
    std::memset(grown.data(), 7, page);
    REQUIRE(grown.commit(5 * page) == 0);
    CHECK(grown.committed() == 5 * page);
    CHECK(grown.data()[page - 1] == std::byte{7});
    grown.data()[5 * page - 1] = std::byte{1};
    CHECK(mapping_of(grown.data() + 5 * page).permissions == "---p");
    REQUIRE(grown.commit(2 * page) == 0);
    CHECK(grown.committed() == 5 * page);
}

TEST_CASE("a commit beyond the reservation is refused with ENOMEM") {
    region small = region::mapped({.name = "r", .bytes = 2 * page});
    REQUIRE(small.commit(2 * page) == 0);
    CHECK(small.commit(2 * page + 1) == ENOMEM);
    CHECK(small.committed() == 2 * page);
}

TEST_CASE("what is not committed of a readable region reads as zero and cannot be written") {
    const auto result = millpond::test::run_in_child([] {
        region known =
            region::mapped({.name = "r", .bytes = 8 * page, .guard_pages = true, .readable = true});
        const bool is_committed = known.commit(page) == 0 && known.commit(4 * page, 6 * page) == 0;
        known.data()[0] = std::byte{1};
        known.data()[5 * page] = std::byte{1};
        std::size_t sum = 0;
        for (std::size_t i = 0; i < known.size(); i += page) {
            sum += std::to_integer<std::size_t>(known.data()[i]);
        }
        if (!is_committed || known.committed() != page || sum != 2 ||
            mapping_of(known.data() + 2 * page).permissions != "r--p" ||
            mapping_of(known.data() + 8 * page).permissions != "---p") {
            _exit(3);
        }
        *static_cast<volatile std::byte*>(known.data() + 2 * page) = std::byte{1};
    });
    CHECK(result.signal == SIGSEGV);
}

TEST_CASE("a released region leaves no mapping behind") {
    region gone = region::mapped({.name = "r", .bytes = 4 * page, .guard_pages = true});
    REQUIRE(gone.commit(4 * page) == 0);
    const void* const first = gone.data();
    gone.release();
    CHECK(gone.size() == 0);
    CHECK(mapping_of(first).end == 0);
    CHECK(mapping_of(static_cast<const char*>(first) - 1).permissions != "---p");
    gone.release();
    CHECK(gone.data() == nullptr);
}

TEST_CASE("a moved region has one owner") {
    region first = region::mapped({.name = "r", .bytes = page});
    REQUIRE(first.commit(page) == 0);
    std::byte* const data = first.data();
    {
        region second(std::move(first));
        CHECK(second.data() == data);
        region third = region::from_heap("r", 100, 8);
        third = std::move(second);
        CHECK(third.data() == data);
        third.data()[0] = std::byte{1};
    }
    CHECK(mapping_of(data).end == 0);
}

TEST_CASE("a write past either end of a guarded region is stopped by SIGSEGV") {
    for (const bool below : {false, true}) {
        const auto result = millpond::test::run_in_child([&] {
            region guarded = region::mapped({.name = "r", .bytes = page, .guard_pages = true});
            if (guarded.commit(page) != 0) {
                _exit(3);
            }
            volatile std::byte* const place = below ? guarded.data() - 1 : guarded.data() + page;
            *place = std::byte{1};
        });
        CHECK(result.signal == SIGSEGV);
    }
}

TEST_CASE("guard pages lie directly at both ends") {
    region guarded = region::mapped({.name = "r", .bytes = 3 * page, .guard_pages = true});
    REQUIRE(guarded.commit(3 * page) == 0);
    CHECK(mapping_of(guarded.data() - 1).permissions == "---p");
    CHECK(mapping_of(guarded.data()).permissions == "rw-p");
    CHECK(mapping_of(guarded.data() + 3 * page - 1).permissions == "rw-p");
    CHECK(mapping_of(guarded.data() + 3 * page).permissions == "---p");
}

TEST_CASE("a region shows its name in the process's maps") {
    if (!kernel_names_memory()) {
        millpond::test::skip("this kernel does not name anonymous memory");
        return;
    }
    region named = region::mapped({.name = "visible", .bytes = 4 * page});
    REQUIRE(named.commit(page) == 0);
    CHECK(mapping_of(named.data()).name == "[anon:millpond:visible]");
}

TEST_CASE("a region that grows keeps its name after the text it was given is gone") {
    if (!kernel_names_memory()) {
        millpond::test::skip("this kernel does not name anonymous memory");
        return;
    }
    std::array<char, 16> text{"temporary"};
    region named = region::mapped({.name = text.data(), .bytes = 4 * page});
    REQUIRE(named.commit(page) == 0);
    text.fill('x');
    text.back() = '\0';
    REQUIRE(named.commit(2 * page) == 0);
    CHECK(mapping_of(named.data()).name == "[anon:millpond:temporary]");
    CHECK(mapping_of(named.data() + page).name == "[anon:millpond:temporary]");
}

TEST_CASE("a prefaulted commit is resident at once and a plain one is not") {
    region lazy = region::mapped({.name = "r", .bytes = 64 * page});
    REQUIRE(lazy.commit(64 * page) == 0);
    CHECK(millpond::test::resident_bytes(lazy.data(), 64 * page) == 0);
    region eager = region::mapped({.name = "r", .bytes = 64 * page, .prefault = true});
    REQUIRE(eager.commit(32 * page) == 0);
    CHECK(millpond::test::resident_bytes(eager.data(), 32 * page) == 32 * page);
    REQUIRE(eager.commit(64 * page) == 0);
    CHECK(millpond::test::resident_bytes(eager.data(), 64 * page) == 64 * page);
}

TEST_CASE("a discard returns the resident bytes of whole pages inside the range only") {
    region trimmed = region::mapped({.name = "r", .bytes = 16 * page});
    REQUIRE(trimmed.commit(16 * page) == 0);
    std::memset(trimmed.data(), 1, 16 * page);
    CHECK(trimmed.discard(1, page) == 0);
    CHECK(trimmed.discard(page + 1, 4 * page - 1) == page);
    CHECK(trimmed.data()[page] == std::byte{1});
    CHECK(trimmed.data()[2 * page] == std::byte{0}); // touched again: resident again
    CHECK(trimmed.data()[3 * page] == std::byte{1});
    CHECK(trimmed.discard(8 * page, 100 * page) == 8 * page);
    CHECK(trimmed.discard(8 * page, 16 * page) == 0);
}

TEST_CASE("a locked region is locked page by page as it is committed") {
    if (!millpond::test::locks_memory) {
        millpond::test::skip("sanitizers leave out mlock");
        return;
    }
    try {
        region locked = region::mapped({.name = "r", .bytes = 8 * page, .lock = true});
        if (const int error = locked.commit(2 * page); error != 0) {
            CHECK((error == EPERM || error == ENOMEM || error == EAGAIN));
            millpond::test::skip("this process may not lock memory");
            return;
        }
        CHECK(millpond::test::resident_bytes(locked.data(), 2 * page) == 2 * page);
        CHECK(locked.discard(0, 2 * page) == 0);
        CHECK(millpond::test::resident_bytes(locked.data(), 2 * page) == 2 * page);
    } catch (const std::system_error& error) {
        FAIL(error.what());
    }
}

TEST_CASE("explicit huge pages are had or their refusal is reported with its errno") {
    for (const page_size wanted : {page_size::huge_2mib, page_size::huge_1gib}) {
        region huge = region::mapped({.name = "r", .bytes = 1, .pages = wanted});
        if (huge.pages() == wanted) {
            CHECK(huge.page_size_error() == 0);
        } else {
            CHECK(huge.page_size_error() != 0);
        }
        REQUIRE(huge.commit(1) == 0);
        huge.data()[0] = std::byte{1};
        CHECK(huge.committed() % huge.page_bytes() == 0);
    }
}

TEST_CASE("explicit huge pages without a fallback are had or refused with the page size") {
    try {
        const region huge = region::mapped(
            {.name = "r", .bytes = 1, .pages = page_size::huge_1gib, .huge_page_fallback = false});
        CHECK(huge.pages() == page_size::huge_1gib);
    } catch (const std::system_error& error) {
        CHECK(error.code().value() != 0);
        CHECK(std::string(error.what())
                  .find("back with huge pages 1073741824 bytes in pages of "
                        "1073741824") != std::string::npos);
    }
}

TEST_CASE("a region that asks for transparent huge pages is aligned to them") {
    const region huge = region::mapped(
        {.name = "r", .bytes = std::size_t{3} << 20, .pages = page_size::transparent_huge});
    CHECK(reinterpret_cast<std::uintptr_t>(huge.data()) % (std::size_t{2} << 20) == 0);
    CHECK((huge.pages() == page_size::transparent_huge) == (huge.page_size_error() == 0));
}

TEST_CASE("a heap region is zeroed and aligned and cannot grow") {
    for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        region heap = region::from_heap("r", 1000, alignment);
        CHECK(reinterpret_cast<std::uintptr_t>(heap.data()) % alignment == 0);
        CHECK(heap.size() == 1000);
        CHECK(heap.committed() == 1000);
        bool zero = true;
        for (std::size_t i = 0; i < heap.size(); ++i) {
            zero = zero && heap.data()[i] == std::byte{0};
        }
        CHECK(zero);
        CHECK(heap.commit(1001) == ENOMEM);
        CHECK(heap.discard(0, 1000) == 0);
    }
}

TEST_CASE("a heap region whose size overflows is refused with ENOMEM") {
    CHECK_THROWS_AS((void)region::from_heap("r", SIZE_MAX - 3, 8), std::system_error);
}

TEST_CASE("a borrowed region leaves the buffer to its owner") {
    std::array<std::byte, 100> buffer{};
    {
        const region borrowed = region::borrowed(buffer);
        CHECK(borrowed.data() == buffer.data());
        CHECK(borrowed.size() == 100);
        borrowed.data()[0] = std::byte{5};
    }
    CHECK(buffer[0] == std::byte{5});
}

TEST_CASE("a region says how to ask for more of its kind") {
    for (const bool guarded : {false, true}) {
        const auto kind =
            region::mapped(
                {.name = "r", .bytes = page, .pages = page_size::standard, .guard_pages = guarded})
                .kind();
        CHECK(kind.source == millpond::memory_source::mapped);
        CHECK(kind.pages == page_size::standard);
        CHECK(!kind.lock);
        CHECK(kind.guard_pages == guarded);
    }
    const region huge = region::mapped(
        {.name = "r", .bytes = page, .pages = page_size::transparent_huge, .lock = true});
    CHECK(huge.kind().pages == huge.pages());
    CHECK(huge.kind().lock);
    CHECK(region::from_heap("r", 100, 64).kind().source == millpond::memory_source::heap);
    std::array<std::byte, 100> buffer{};
    const auto borrowed = region::borrowed(buffer).kind();
    CHECK(borrowed.source == millpond::memory_source::buffer);
    CHECK(borrowed.buffer.empty());
}
