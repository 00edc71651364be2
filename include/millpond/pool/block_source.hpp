// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a pool needs from the storage of its blocks, and any storage behind virtual functions, for what is
/// done rarely.

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/occupancy.hpp"
#include "millpond/pool/pool_view.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// What the core needs from the storage of blocks and metadata.
template <class Storage>
concept block_storage =
    requires(Storage& storage, const Storage& view, const void* address, std::uint64_t index) {
    { view.stride_bytes() } -> std::same_as<std::size_t>;
    { view.index_of(address) } -> std::same_as<std::uint64_t>; // no index for what is no block
    { view.block_at(index) } -> std::same_as<std::byte*>;
    { view.owns(address) } -> std::same_as<bool>;
    { view.report_on(address) } -> std::same_as<misuse_report>; // why it is no block to be freed
    // and records<Position>(), the positions of all blocks
    { view.records_end() } -> std::same_as<std::uint64_t>; // how many there are, padded
    { view.words() } -> std::same_as<std::uint64_t*>;      // shape().words words
    { view.shape() } -> std::same_as<const occupancy_shape&>;
    { view.capacity() } -> std::convertible_to<std::uint32_t>;     // beyond the last index in use
    { view.max_capacity() } -> std::convertible_to<std::uint32_t>; // hard limit
    { view.index_end() } -> std::same_as<std::uint64_t>;           // no block has this index
    { storage.grow() } -> std::same_as<block_range>; // commits more; empty when it cannot
    {storage.unpoison_all()};
    {storage.retire()}; // from here on no address is a block
};

/// What the blocks of a pool are for.
enum class block_use : std::uint8_t {
    raw,     ///< at level `unchecked` nothing needs to know which are live
    objects, ///< iterated, so it is always known which are live
};

/// The storage of a pool's blocks, for what is done rarely.
class block_source {
public:
    block_source() noexcept = default;
    block_source(const block_source&) = delete;
    block_source& operator=(const block_source&) = delete;

    /// The index of a block; a number above all indices for any other address.
    [[nodiscard]] virtual std::uint64_t index_of(const void* address) const noexcept = 0;
    [[nodiscard]] virtual std::uint32_t
    capacity() const noexcept = 0; // beyond the last index in use
    [[nodiscard]] virtual std::uint32_t max_capacity() const noexcept = 0;
    [[nodiscard]] virtual std::size_t stride_bytes() const noexcept = 0;

    /// Indices below the capacity that have no block.
    [[nodiscard]] virtual std::uint32_t missing() const noexcept = 0;

    /// Commits more blocks, or takes them from upstream; none when it cannot.
    [[nodiscard]] virtual block_range grow() noexcept = 0;

    /// Gives back the memory of free blocks; chunks are taken out of the pool. Returns the bytes.
    [[nodiscard]] virtual std::size_t
    discard(std::uint64_t first, std::uint64_t end, pool_view& pool) noexcept = 0;

    /// Gives what lies beyond `end` back to the budget.
    virtual void retract(std::uint32_t end) noexcept = 0;

    virtual void add_memory_stats(pool_stats& stats) const noexcept = 0;

    /// Nobody has a block yet.
    virtual void poison_all() noexcept = 0;

protected:
    ~block_source() = default;
};

/// A storage as a source, made for one call.
template <class Storage>
// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): nobody deletes one
class source_of final : public block_source {
public:
    explicit source_of(Storage& storage) noexcept
        : storage_(storage) {}

    [[nodiscard]] std::uint64_t index_of(const void* address) const noexcept override {
        return storage_.index_of(address);
    }

    [[nodiscard]] std::uint32_t capacity() const noexcept override { return storage_.capacity(); }

    [[nodiscard]] std::uint32_t max_capacity() const noexcept override {
        return storage_.max_capacity();
    }

    [[nodiscard]] std::size_t stride_bytes() const noexcept override {
        return storage_.stride_bytes();
    }

    [[nodiscard]] std::uint32_t missing() const noexcept override { return missing_of(storage_); }

    [[nodiscard]] block_range grow() noexcept override { return storage_.grow(); }

    [[nodiscard]] std::size_t
    discard(std::uint64_t first, std::uint64_t end, pool_view& pool) noexcept override {
        if constexpr (leaves_gaps<Storage>) {
            return storage_.discard(first, end, [&pool](block_range gone) { pool.take_out(gone); });
        } else {
            const std::size_t stride = storage_.stride_bytes();
            return storage_.discard(static_cast<std::size_t>(first) * stride,
                                    static_cast<std::size_t>(end) * stride);
        }
    }

    void retract(std::uint32_t end) noexcept override {
        if constexpr (requires { storage_.retract(end); }) {
            storage_.retract(end);
        }
    }

    void add_memory_stats(pool_stats& stats) const noexcept override {
        storage_.add_memory_stats(stats);
    }

    void poison_all() noexcept override {
        if constexpr (requires { storage_.poison_all(); }) {
            storage_.poison_all();
        }
    }

private:
    Storage& storage_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
