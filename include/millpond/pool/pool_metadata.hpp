// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a pool knows about its blocks, outside them: two arrays that grow with the pool, and
/// between them what does not grow.
///
///     [ leading: committed | reads as zero ][ fixed | trailing: committed | reads as zero ]
///                                           ^ committed from the start
///
/// All of it is reserved for `max_capacity`, so nothing moves. What is not committed can be read,
/// as zeros: a pool looks at the record of any address that could be one of its blocks before it
/// trusts it. Reading costs no memory and counts against no limit except that of addresses.

#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The size of the metadata. The arrays consist of 64-bit words, each of which covers a few blocks.
struct metadata_layout {
    std::size_t max_capacity = 0;
    std::size_t leading_blocks = 1; ///< that one word covers
    std::size_t fixed_bytes = 0;    ///< a multiple of a word
    std::size_t trailing_blocks = 1;

    [[nodiscard]] static constexpr std::size_t array_bytes(std::size_t blocks,
                                                           std::size_t per_word) noexcept {
        return (blocks + per_word - 1) / per_word * sizeof(std::uint64_t);
    }

    /// Bytes of the leading array for `blocks` blocks.
    [[nodiscard]] constexpr std::size_t leading_bytes(std::size_t blocks) const noexcept {
        return array_bytes(blocks, leading_blocks);
    }

    [[nodiscard]] constexpr std::size_t fixed_offset() const noexcept {
        return leading_bytes(max_capacity);
    }

    [[nodiscard]] constexpr std::size_t trailing_offset() const noexcept {
        return fixed_offset() + fixed_bytes;
    }

    /// The end of the trailing array for `blocks` blocks.
    [[nodiscard]] constexpr std::size_t end_for(std::size_t blocks) const noexcept {
        return trailing_offset() + array_bytes(blocks, trailing_blocks);
    }

    [[nodiscard]] constexpr std::size_t bytes() const noexcept { return end_for(max_capacity); }
};

/// The memory of the metadata, zeroed.
class pool_metadata {
public:
    pool_metadata() noexcept = default;

    /// In memory that is there whole, of at least `layout.bytes()`.
    pool_metadata(const metadata_layout& layout, region memory) noexcept;

    /// In pages reserved as `mapping` says, with what `capacity` blocks need committed. It grows by
    /// at least `step_bytes`; metadata no larger than that is committed whole.
    pool_metadata(const metadata_layout& layout,
                  mapping_options mapping,
                  std::size_t capacity,
                  std::size_t step_bytes);

    /// Aligned for a 64-bit word.
    [[nodiscard]] std::byte* leading() const noexcept { return memory_.data(); }

    /// Commits what is needed for `blocks` blocks, and some more ahead: at most two system calls,
    /// and as many again when only the minimum is available. Returns 0 or errno.
    [[nodiscard]] int cover(std::size_t blocks) noexcept;

    /// Commits what the leading array alone needs for `blocks` blocks. Returns 0 or errno.
    [[nodiscard]] int cover_leading(std::size_t blocks) noexcept;

    /// Blocks that the committed part of the leading array covers.
    [[nodiscard]] std::size_t leading_capacity() const noexcept;

    /// Bytes that are committed.
    [[nodiscard]] std::size_t committed() const noexcept;

private:
    [[nodiscard]] int
    extend(std::size_t& end, std::size_t first, std::size_t needed, std::size_t limit) noexcept;

    region memory_;
    metadata_layout layout_;
    std::size_t step_bytes_ = 0;
    std::size_t leading_end_ = 0; ///< committed up to here from the start; <= fixed_begin_
    std::size_t fixed_begin_ = 0; ///< committed from here on, a whole page
    std::size_t end_ = 0;         ///< committed up to here
};

} // namespace detail

MILLPOND_NAMESPACE_END
