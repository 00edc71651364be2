// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks that a resource takes from its upstream one by one, and what it must know of them to
/// return them all in `release()` and to notice a free that does not match.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/name.hpp"
#include "millpond/pool/pool_core.hpp"
#include "millpond/pool/region_storage.hpp"

#include <cstddef>
#include <memory_resource>
#include <optional>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Memory for records, in pages of its own, or from the upstream where the system gives none. So a
/// block costs the upstream one call.
class record_memory final : public std::pmr::memory_resource {
public:
    record_memory(const pool_name& name, std::pmr::memory_resource* upstream) noexcept
        : name_(name)
        , upstream_(upstream) {}

    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }

    /// Returns the pages. No record is left.
    void release() noexcept;

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* record, std::size_t bytes, std::size_t alignment) override;
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override;

    static constexpr std::size_t record_bytes = 64;
    using pool = pool_core<region_storage<static_stride<record_bytes>>, 16>;

    pool_name name_;
    std::pmr::memory_resource* upstream_;
    std::optional<pool> pages_; ///< made with the first record
    bool is_refused_ = false;   ///< the system gave no pages
};

/// Keeps a sorted record of each block: O(log n) a call.
class unpooled_blocks {
public:
    /// The size and alignment with which a block was asked for.
    struct request {
        std::size_t bytes;
        std::size_t alignment;

        [[nodiscard]] friend bool operator==(const request&, const request&) noexcept = default;
    };

    unpooled_blocks(const pool_name& name, std::pmr::memory_resource* upstream) noexcept
        : memory_(name, upstream) {}

    unpooled_blocks(const unpooled_blocks&) = delete;
    unpooled_blocks& operator=(const unpooled_blocks&) = delete;

    ~unpooled_blocks() { release(); }

    /// Takes a block from the upstream. If that throws, nothing has changed.
    [[nodiscard]] void* allocate(request asked);

    /// Gives a block back to the upstream. Returns false, and does nothing, if there is no such
    /// block or, at level `checked`, if it was asked for with another size or alignment, which the
    /// report then says.
    [[nodiscard]] bool deallocate(void* block, request asked, misuse_report& report) noexcept;

    /// Returns all blocks to the upstream.
    void release() noexcept;

    [[nodiscard]] std::size_t size() const noexcept;

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    struct records;

    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept {
        return memory_.upstream();
    }

    record_memory memory_;
    records* records_ = nullptr; ///< made with the first block
    std::size_t bytes_ = 0;
};

} // namespace detail

MILLPOND_NAMESPACE_END
