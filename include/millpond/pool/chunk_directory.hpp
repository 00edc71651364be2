// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which chunk an address lies in, in a few steps however many chunks there are and wherever they lie.
///
/// The address space is cut into *granules* no larger than a chunk. So at most one chunk covers a granule's
/// first byte (its `lower`), and at most one begins inside it (its `upper`, at `split`):
///
///     granule      |        g         |       g + 1      |       g + 2      |
///     chunks     ---- 3 ---->   |---------- 7 ---------->|------ 4 --------
///     lower, upper  3, 7               7, -                 4, -
///
/// (Where a chunked_storage takes chunks of several parts, these are its parts.)
///
/// Granules that have a chunk are in a hash table. Threads may search it while one thread adds and
/// removes chunks: a table that fills up is copied into one of twice the size and stays where it
/// is, and what an entry says about one chunk does not change when it learns about another. An
/// entry whose chunks are gone keeps its place, so that nobody's search ends early, until another
/// granule needs one.

#include "millpond/base/atomic_access.hpp"
#include "millpond/base/config.hpp"
#include "millpond/memory/region.hpp"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

class chunk_directory {
public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    /// For at most `most_chunks` chunks of `chunk_bytes` each. Takes address space for all of them, and
    /// pages as they are needed. Throws std::system_error.
    chunk_directory(const pool_name& name, std::size_t chunk_bytes, std::size_t most_chunks);

    /// The number of the chunk that the address lies in, if it lies in any: the caller compares it
    /// with that chunk's ends. At most `longest_search` entries are looked at.
    [[nodiscard]] std::uint32_t chunk_near(const void* address) const noexcept {
        const auto place = reinterpret_cast<std::uintptr_t>(address);
        // Pairs with the release in add(): whoever has a block's address sees the table that its
        // chunk is in.
        const std::size_t size = size_.load(std::memory_order_acquire);
        const entry* const found = find(size, place >> granule_log2_);
        if (found == nullptr) {
            return none;
        }
        return place >= load(found->split) ? load(found->upper) : load(found->lower);
    }

    /// Adds a chunk that lies nowhere near another one that is still there. One thread at a time.
    /// False when there is no place for its granules.
    [[nodiscard]] bool add(const std::byte* chunk, std::uint32_t number) noexcept;

    /// Address space that a chunk can cost: it has up to three entries, at most a quarter of a table is in
    /// use, and all smaller tables together are as large as the largest.
    [[nodiscard]] static constexpr std::size_t bytes_per_chunk() noexcept {
        return sizeof(entry) * 3 * 4 * 2;
    }

    /// Forgets a chunk. One thread at a time, the one that adds.
    void remove(const std::byte* chunk, std::uint32_t number) noexcept;

private:
    static constexpr std::size_t smallest_table = 16;
    static constexpr std::size_t longest_search = 16;

    static constexpr std::uint64_t no_split = ~std::uint64_t{0};

    /// What is known about one granule.
    struct entry {
        std::uint64_t key; ///< the granule's number plus one; 0: unused
        std::uint64_t split;
        std::uint32_t lower;
        std::uint32_t upper;

        [[nodiscard]] bool has_chunk() const noexcept { return lower != none || upper != none; }
    };

    template <class T>
    [[nodiscard]] static T load(const T& place) noexcept {
        // A reader looks at what concerns a chunk that it has a block of: that was written earlier.
        return atomic_load(place, std::memory_order_relaxed);
    }

    template <class T>
    static void store(T& place, T value) noexcept {
        atomic_store(place, value, std::memory_order_relaxed); // as load()
    }

    /// Tables of all sizes lie one after another: that of 16 entries begins at entry 16.
    [[nodiscard]] entry* table(std::size_t size) const noexcept {
        return reinterpret_cast<entry*>(memory_.data()) + size;
    }

    [[nodiscard]] static std::size_t hash(std::uint64_t granule) noexcept {
        constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U; // Knuth: 2^64 over the golden ratio
        return static_cast<std::size_t>((granule * golden) >> 32);
    }

    [[nodiscard]] entry* find(std::size_t size, std::uint64_t granule) const noexcept {
        entry* const entries = table(size);
        std::size_t at = hash(granule);
        for (std::size_t i = 0; i < longest_search; ++i, ++at) {
            entry& here = entries[at & (size - 1)];
            const std::uint64_t key = load(here.key);
            if (key == granule + 1) {
                return &here;
            }
            if (key == 0) {
                break;
            }
        }
        return nullptr;
    }

    /// Calls `visit(granule)` for each granule that the chunk lies in, until a call returns false.
    template <class Visit>
    bool for_each_granule(const std::byte* chunk, Visit visit) const noexcept {
        const auto first = reinterpret_cast<std::uintptr_t>(chunk);
        const std::uint64_t last_granule = (first + chunk_bytes_ - 1) >> granule_log2_;
        for (std::uint64_t granule = first >> granule_log2_; granule <= last_granule; ++granule) {
            if (!visit(granule)) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] entry* find_or_add(std::uint64_t granule) noexcept;
    [[nodiscard]] entry* find_or_add(std::size_t size, std::uint64_t granule) noexcept;
    [[nodiscard]] bool grow() noexcept;

    region memory_;
    int granule_log2_;
    std::size_t chunk_bytes_;
    std::size_t most_entries_;
    std::size_t entries_ = 0; ///< in the newest table that have a chunk or are about to
    std::atomic<std::size_t> size_ = smallest_table;
};

} // namespace detail

MILLPOND_NAMESPACE_END
