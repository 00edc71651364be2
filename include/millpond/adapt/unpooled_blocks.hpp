// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks that a resource takes from its upstream one by one, and what it must know of them: to return
/// them all in `release()`, and to notice a free that does not fit.

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"

#include <cstddef>
#include <memory_resource>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Keeps a sorted record of each block, in memory of the upstream as well: O(log n) a call.
class unpooled_blocks {
public:
    /// As a block was asked for.
    struct request {
        std::size_t bytes;
        std::size_t alignment;

        [[nodiscard]] friend bool operator==(const request&, const request&) noexcept = default;
    };

    explicit unpooled_blocks(std::pmr::memory_resource* upstream) noexcept
        : upstream_(upstream) {}

    unpooled_blocks(const unpooled_blocks&) = delete;
    unpooled_blocks& operator=(const unpooled_blocks&) = delete;

    ~unpooled_blocks() { release(); }

    /// What the upstream throws passes, and nothing has changed.
    [[nodiscard]] void* allocate(request asked);

    /// False for what is no such block, and then nothing is done; if it is one, and was asked for
    /// otherwise, the report says so.
    [[nodiscard]] bool deallocate(void* block, request asked, misuse_report& report) noexcept;

    /// Returns all of them.
    void release() noexcept;

    [[nodiscard]] std::size_t size() const noexcept;

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }

private:
    struct records;

    std::pmr::memory_resource* upstream_;
    records* records_ = nullptr; ///< made with the first block
    std::size_t bytes_ = 0;
};

} // namespace detail

MILLPOND_NAMESPACE_END
