// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Contiguous memory with an owner: the memory under a pool.
///
///     | guard page |  committed  |  reserved, not committed  | guard page |
///                  ^ data()      ^ committed()               ^ data() + size()
///
/// Mapped regions reserve address space once and commit a growing prefix of it; nothing is ever
/// relocated. Heap and borrowed regions are committed whole.

#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"

#include <cstddef>
#include <span>

MILLPOND_NAMESPACE_BEGIN

/// What a mapped region is made of.
struct mapping_options {
    pool_name name{};                      ///< shows in /proc/self/maps as [anon:millpond:NAME]
    std::size_t bytes = 0;                 ///< reserved for good; rounded up to whole pages
    page_size pages = page_size::standard; ///< what is asked for; see region::pages()
    bool huge_page_fallback = true;        ///< false: an unavailable page size is an error
    bool lock = false;                     ///< keep the committed pages in RAM (mlock)
    bool prefault = false;                 ///< every commit touches its pages before it returns
    bool guard_pages = false;              ///< unmapped pages at both ends
    bool readable = false; ///< uncommitted memory reads as zero; if false, it must not be touched
};

/// Memory from one of the sources of `memory_source`, released when the region dies.
///
/// Units:      bytes.
/// Complexity: O(1) system calls each; prefaulting is linear in the pages.
/// Errors:     factories throw std::system_error with the request and its errno, and leave nothing
///             behind; `commit` returns the errno instead.
/// Threads:    one thread at a time per region.
/// Source:     POSIX mmap, mprotect, mlock; Linux MAP_HUGETLB, PR_SET_VMA_ANON_NAME.
class region {
public:
    region() noexcept = default;

    /// Reserves pages of the operating system; commits none of them.
    [[nodiscard]] static region mapped(const mapping_options& options);

    /// Returns zeroed memory of the C heap.
    [[nodiscard]] static region
    from_heap(const pool_name& name, std::size_t bytes, std::size_t alignment);

    /// Wraps the caller's memory; it is not released.
    [[nodiscard]] static region borrowed(std::span<std::byte> buffer) noexcept;

    region(region&& other) noexcept { swap(other); }

    region& operator=(region&& other) noexcept {
        swap(other);
        return *this;
    }

    region(const region&) = delete;
    region& operator=(const region&) = delete;

    ~region() { release(); }

    /// Gives the memory back to where it came from; the region is empty afterwards.
    void release() noexcept;

    [[nodiscard]] std::byte* data() const noexcept { return data_; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] std::size_t committed() const noexcept { return committed_; }

    /// The page size that the memory really has; standard for heap and borrowed memory.
    [[nodiscard]] page_size pages() const noexcept { return pages_; }

    /// Bytes of one page of that size.
    [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }

    /// The errno that made a larger page size fall back; 0 if none did.
    [[nodiscard]] int page_size_error() const noexcept { return page_size_error_; }

    /// Returns options that ask for more memory of the same kind: source, page size, lock and guard
    /// pages. For a borrowed region the source is `buffer`, and the buffer is left empty.
    [[nodiscard]] memory_options kind() const noexcept;

    /// Makes the first `bytes` usable; at most size(). Returns 0, or an errno and has changed
    /// nothing.
    [[nodiscard]] int commit(std::size_t bytes) noexcept;

    /// Makes [first, end) of a mapped region usable, whether or not what lies before it is; both
    /// are multiples of the page size. committed() does not count this range. Returns 0 or errno.
    [[nodiscard]] int commit(std::size_t first, std::size_t end) noexcept;

    /// Makes the first `bytes` usable, or throws std::system_error with the limit that was hit, if
    /// it can be known.
    void commit_or_throw(const pool_name& name, std::size_t bytes);

    /// The request that a commit makes to the system.
    [[nodiscard]] os_request commit_request() const noexcept {
        return lock_ ? os_request::commit_and_lock : os_request::commit;
    }

    /// Gives whole pages inside [first, end) back to the system and returns how many bytes were
    /// resident. Their contents are lost. Returns 0 for locked, heap and borrowed memory.
    std::size_t discard(std::size_t first, std::size_t end) noexcept;

private:
    void swap(region& other) noexcept;

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;      ///< usable once committed
    std::size_t committed_ = 0; ///< committed_ <= size_
    std::byte* base_ = nullptr; ///< what release() returns: the mapping or the heap block
    std::size_t base_bytes_ = 0;
    std::size_t page_bytes_ = 0;
    int page_size_error_ = 0;
    page_size pages_ = page_size::standard;
    memory_source source_ = memory_source::buffer;
    bool lock_ = false;
    bool prefault_ = false;
    bool readable_ = false;
};

MILLPOND_NAMESPACE_END
