// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Raw blocks of one size, chosen at run time.
///
///     millpond::block_pool packets({.name = "packets", .block_bytes = 2048, .capacity = 4096});
///     void* p = packets.try_allocate();   // nullptr when full
///     packets.deallocate(p);

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/pool_core.hpp"
#include "millpond/pool/region_storage.hpp"

#include <cstddef>
#include <span>

MILLPOND_NAMESPACE_BEGIN

/// What a raw pool does when it is destroyed while blocks are live.
enum class leak_policy : unsigned char {
    report, ///< one line on standard error with the pool's name and the count
    ignore, ///< nothing
    stop,   ///< the line, then abort
};

/// How a block_pool is made. `block_bytes` and `capacity` have no default.
struct block_pool_options {
    pool_name name{};            ///< in every report; at most 31 characters
    std::size_t block_bytes = 0; ///< at least 1; rounded up to the alignment
    std::size_t block_alignment =
        0;                    ///< a power of two; 0: the largest that divides block_bytes, up to 64
    std::size_t capacity = 0; ///< blocks ready at construction, at least 1
    std::size_t max_capacity = 0; ///< blocks to grow to; 0: never grows. Below 2^32
    bool prefault = false;        ///< touch every committed page now, so that none faults later
    memory_options memory{};      ///< where the memory comes from
    leak_policy leaks = leak_policy::report; ///< what destruction does about live blocks
};

/// A pool of raw blocks of one size on one contiguous region.
///
/// Units:      blocks of `block_bytes()` bytes, aligned to `block_alignment()`.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; `shrink` and `verify` are
///             O(capacity), `clear` and construction O(metadata); no system call once committed.
/// Errors:     `try_allocate` returns nullptr when full, `allocate` throws pool_exhausted; freeing
///             anything but a live block stops the program with one line (docs/checks.md); the
///             constructor throws std::invalid_argument or std::system_error and leaves nothing
///             behind.
/// Threads:    one thread at a time per pool.
/// Source:     Bonwick 2001 (magazines); Briggs and Torczon 1993 (sparse sets); Granlund and
///             Montgomery 1994 (exact division); docs/design.md.
class block_pool {
public:
    explicit block_pool(const block_pool_options& options);

    /// Takes over the blocks; the other pool has none left, and freeing into it stops the program.
    block_pool(block_pool&&) noexcept = default;
    block_pool& operator=(block_pool&& other) noexcept;
    block_pool(const block_pool&) = delete;
    block_pool& operator=(const block_pool&) = delete;
    ~block_pool();

    /// Returns an uninitialised block, or nullptr when the pool is full.
    [[nodiscard]] void* try_allocate() noexcept { return core_.try_allocate(); }

    /// Returns an uninitialised block; throws pool_exhausted when the pool is full.
    [[nodiscard, gnu::returns_nonnull]] void* allocate() {
        void* const block = core_.try_allocate();
        if (block == nullptr) [[unlikely]] {
            throw_full();
        }
        return block;
    }

    /// Takes a block back. A null pointer is ignored.
    void deallocate(void* block) noexcept { core_.deallocate(block); }

    /// Fills `out` from the start with as many blocks as there are, and returns how many. Takes
    /// neighbours where possible. O(out.size()).
    [[nodiscard]] std::size_t try_allocate_bulk(std::span<void*> out) noexcept {
        return core_.try_allocate_bulk(out);
    }

    /// Fills `out`, or throws pool_exhausted and changes nothing. O(out.size()).
    void allocate_bulk(std::span<void*> out);

    /// Takes back many blocks; neighbours are cheapest. Null pointers are ignored.
    /// O(blocks.size()).
    void deallocate_bulk(std::span<void* const> blocks) noexcept { core_.deallocate_bulk(blocks); }

    /// Frees every block at once: pointers to blocks are no longer valid. O(metadata).
    void clear() noexcept { core_.clear(); }

    /// Commits memory until `blocks` can be live without growing; throws pool_exhausted beyond
    /// max_capacity, or with the system's reason.
    void reserve(std::size_t blocks);

    /// Commits memory until `blocks` can be live without growing; returns false beyond
    /// max_capacity, or when the system refuses.
    [[nodiscard]] bool try_reserve(std::size_t blocks) noexcept;

    /// Gives the pages under free blocks back to the system and returns how many bytes. They fault
    /// in again when used. Returns 0 for locked, heap and buffer memory. O(capacity).
    std::size_t shrink() noexcept { return core_.shrink(); }

    /// True only for the start of a live block; false for any other address, including null. O(1); at level
    /// `unchecked` O(1,024), a search of the magazine.
    [[nodiscard]] bool is_live(const void* address) const noexcept {
        return core_.is_live_block(address);
    }

    /// True when the address lies inside this pool's blocks.
    [[nodiscard]] bool owns(const void* address) const noexcept { return core_.owns(address); }

    /// Blocks that can be live at once without growing.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.storage().capacity(); }

    /// Blocks that the pool may grow to.
    [[nodiscard]] std::size_t max_capacity() const noexcept {
        return core_.storage().max_capacity();
    }

    /// Blocks that are live.
    [[nodiscard]] std::size_t size() const noexcept { return core_.live(); }

    /// capacity() - size().
    [[nodiscard]] std::size_t available() const noexcept { return capacity() - size(); }

    /// The most blocks that were ever live at once; exact.
    [[nodiscard]] std::size_t high_water() const noexcept { return core_.high_water(); }

    [[nodiscard]] std::size_t block_bytes() const noexcept {
        return core_.storage().stride_bytes();
    }

    [[nodiscard]] std::size_t block_alignment() const noexcept { return alignment_; }

    [[nodiscard]] const char* name() const noexcept { return core_.name().c_str(); }

    [[nodiscard]] pool_stats stats() const noexcept { return core_.stats(); }

    /// Checks every invariant; O(capacity).
    [[nodiscard]] verdict verify() const noexcept { return core_.verify(); }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static constexpr std::size_t buffer_bytes(const block_pool_options& options) {
        return layout(options).buffer_bytes();
    }

private:
    using core_type =
        detail::pool_core<detail::region_storage<detail::runtime_stride>, detail::magazine_places>;

    [[nodiscard]] static constexpr detail::pool_layout layout(const block_pool_options& options) {
        return core_type::adapted(detail::pool_layout::checked(options.name,
                                                               options.block_bytes,
                                                               options.block_alignment,
                                                               options.capacity,
                                                               options.max_capacity,
                                                               options.prefault));
    }

    [[noreturn]] MILLPOND_SLOW_PATH void throw_full() const;
    void finish() noexcept;

    core_type core_;
    std::size_t alignment_;
    leak_policy leaks_;
};

MILLPOND_NAMESPACE_END
