// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The heaps that the player plays on. All have the same four operations and none looks anything up: a
/// record says which pool a block belongs to, as the type does in a program with typed pools.

#include <millpond/millpond.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "replay/plan.hpp"

namespace millpond::tool::replay {

/// The process's malloc: glibc's, or that of a preloaded allocator.
struct libc_heap {
    explicit libc_heap(const plan_header& /*plan*/) {}

    [[nodiscard]] void* allocate(const record& r) noexcept { return std::malloc(r.size_bytes); }

    [[nodiscard]] void* allocate_zeroed(const record& r) noexcept {
        return std::calloc(1, r.size_bytes);
    }

    [[nodiscard]] void* allocate_aligned(const record& r) noexcept {
        void* block = nullptr;
        const std::size_t alignment = std::size_t{1} << r.alignment_log2;
        return posix_memalign(&block, alignment, r.size_bytes) == 0 ? block : nullptr;
    }

    [[nodiscard]] void* resize(void* block, const record& /*from*/, const record& to) noexcept {
        return std::realloc(block, to.size_bytes);
    }

    void free(void* block, const record& /*r*/) noexcept { std::free(block); }
};

/// Millpond's pools for the sizes that the plan chose, malloc for the rest.
class pool_heap {
public:
    explicit pool_heap(const plan_header& plan) {
        pools_.reserve(plan.pool_count);
        for (std::size_t i = 0; i < plan.pool_count; ++i) {
            const pool_spec& spec = plan.pools[i];
            const std::string name = std::to_string(spec.block_bytes) + " bytes";
            // Blocks that the program never freed are its own affair: no report at the end.
            pools_.push_back(std::make_unique<block_pool>(
                block_pool_options{.name = name.c_str(),
                                   .block_bytes = static_cast<std::size_t>(spec.block_bytes),
                                   .capacity = static_cast<std::size_t>(spec.capacity),
                                   .leaks = leak_policy::ignore}));
        }
    }

    [[nodiscard]] void* allocate(const record& r) noexcept {
        return r.pool == from_heap ? rest_.allocate(r) : pools_[r.pool]->try_allocate();
    }

    [[nodiscard]] void* allocate_zeroed(const record& r) noexcept {
        if (r.pool == from_heap) {
            return rest_.allocate_zeroed(r);
        }
        void* block = pools_[r.pool]->try_allocate();
        return block == nullptr ? nullptr : std::memset(block, 0, r.size_bytes);
    }

    [[nodiscard]] void* allocate_aligned(const record& r) noexcept {
        return r.pool == from_heap ? rest_.allocate_aligned(r) : pools_[r.pool]->try_allocate();
    }

    /// In place while the block's size stays the same, otherwise a new block, a copy and a free.
    [[nodiscard]] void* resize(void* block, const record& from, const record& to) noexcept {
        if (from.pool == to.pool) {
            return to.pool == from_heap ? rest_.resize(block, from, to) : block;
        }
        void* moved = allocate(to);
        if (moved != nullptr) {
            const std::uint64_t kept =
                from.size_bytes < to.size_bytes ? from.size_bytes : to.size_bytes;
            std::memcpy(moved, block, kept);
            free(block, from);
        }
        return moved;
    }

    void free(void* block, const record& r) noexcept {
        if (r.pool == from_heap) {
            rest_.free(block, r);
        } else {
            pools_[r.pool]->deallocate(block);
        }
    }

private:
    libc_heap rest_{plan_header{}};
    std::vector<std::unique_ptr<block_pool>> pools_;
};

/// One pool_resource for everything, as std::pmr containers would use it: it knows nothing of the trace, and
/// a size is looked up at each call. Blocks are aligned as an object of that size can need it.
class resource_heap {
public:
    explicit resource_heap(const plan_header& /*plan*/) {}

    [[nodiscard]] void* allocate(const record& r) {
        return sizes_.allocate(r.size_bytes, alignment_of(r));
    }

    [[nodiscard]] void* allocate_zeroed(const record& r) {
        return std::memset(allocate(r), 0, r.size_bytes);
    }

    [[nodiscard]] void* allocate_aligned(const record& r) { return allocate(r); }

    /// In place while the block stays large enough, otherwise a new block, a copy and a free.
    [[nodiscard]] void* resize(void* block, const record& from, const record& to) {
        const std::size_t had = sizes_.block_bytes(from.size_bytes, alignment_of(from));
        if (had != 0 && had == sizes_.block_bytes(to.size_bytes, alignment_of(to))) {
            millpond::detail::unpoison_as_it_was(
                block, to.size_bytes); // a sanitizer knows of the old size
            return block;
        }
        void* const moved = allocate(to);
        std::memcpy(moved, block, std::min(from.size_bytes, to.size_bytes));
        free(block, from);
        return moved;
    }

    void free(void* block, const record& r) noexcept {
        sizes_.deallocate(block, r.size_bytes, alignment_of(r));
    }

private:
    [[nodiscard]] static std::size_t alignment_of(const record& r) noexcept {
        constexpr std::size_t most = alignof(std::max_align_t);
        const std::size_t natural = r.size_bytes & (~r.size_bytes + 1);
        const std::size_t usual = natural == 0 || natural > most ? most : natural;
        return r.alignment_log2 != 0 ? std::size_t{1} << r.alignment_log2 : usual;
    }

    pool_resource sizes_{pool_resource_options{.name = "replay"}};
};

/// No heap at all: every block is the same memory. What remains is the player's own work.
class scratch_heap {
public:
    explicit scratch_heap(const plan_header& plan)
        : memory_(std::malloc(plan.largest_bytes + 64)) {}

    scratch_heap(const scratch_heap&) = delete;
    scratch_heap& operator=(const scratch_heap&) = delete;

    ~scratch_heap() { std::free(memory_); }

    [[nodiscard]] void* allocate(const record& /*r*/) noexcept { return memory_; }

    [[nodiscard]] void* allocate_zeroed(const record& /*r*/) noexcept { return memory_; }

    [[nodiscard]] void* allocate_aligned(const record& /*r*/) noexcept { return memory_; }

    [[nodiscard]] void* resize(void* block, const record& /*from*/, const record& /*to*/) noexcept {
        return block;
    }

    void free(void* /*block*/, const record& /*r*/) noexcept {}

private:
    void* memory_;
};

} // namespace millpond::tool::replay
