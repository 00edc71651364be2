// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The mechanism that the concurrent pools share. Each thread keeps a few free blocks for itself; all
/// others are bits in words that every thread changes atomically.
///
///     allocate  <-  kept       the thread's magazine, newest first
///               <-  current    the rest of the word that it claimed last
///               <-  occupancy  bits of all other free blocks: one word at once, the only atomic step
///
///     free      ->  kept, unless that is full
///               ->  gathered   a word in the making, given back when another word begins
///
///     blocks = live + kept, current and gathered of every thread + occupancy + reserved
///     blocks = capacity + spare, and spare >= what all threads together can keep
///
/// So `capacity` blocks can be live whatever the threads do, and nothing is ever taken from another
/// thread's magazine. A pool whose bound is exact has no spare blocks: no thread has a magazine, a
/// current or a gathered word, and every call works on the occupancy. What is neither live nor reserved
/// is a bit there, so `capacity` is also the most that can be live, and a claim that finds nothing has
/// seen an instant at which nothing was free.
///
/// The state byte of a block says whether it is live. A free reads it and writes it without an
/// atomic step in between: a second free that begins after the first has returned is stopped,
/// whichever threads they come from; two that overlap may both pass, and then the next free of that
/// block is stopped. No check without an atomic step in every free can exclude that (Attiya et al.,
/// POPL 2011: Laws of Order), and that step costs a producer and its consumer a factor of four in
/// throughput, because it keeps the processor from fetching the next block meanwhile.
/// `free_check::exact` takes that step.

#include "millpond/base/atomic_access.hpp"
#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/fork_lock.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/base/thread_index.hpp"
#include "millpond/base/waiting.hpp"
#include "millpond/pool/atomic_occupancy.hpp"
#include "millpond/pool/block_state.hpp"
#include "millpond/pool/concurrent_layout.hpp"
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/thread_cache.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Storage>
class concurrent_core final : private thread_user {
public:
    /// `source` is what the storage needs to know about its memory.
    template <class Source>
    concurrent_core(const pool_name& name,
                    const concurrent_layout& layout,
                    free_check check,
                    const Source& source);

    // --- the hot path -----------------------------------------------------------------------

    [[nodiscard]] void* try_allocate() noexcept {
        if (thread_cache* const cache = own_cache(); cache != nullptr) [[likely]] {
            return try_allocate(*cache);
        }
        return try_allocate_slow();
    }

    /// A block, or nullptr when the pool is full, for a thread that knows its cache.
    [[nodiscard]] void* try_allocate(thread_cache& cache) noexcept {
        void* const block = pick(cache);
        return block != nullptr ? hand_out(block) : nullptr;
    }

    /// A null pointer is ignored; anything that is not a live block stops the program.
    void deallocate(void* block) noexcept {
        if (!try_deallocate(block)) [[unlikely]] {
            refuse_unless_null(block);
        }
    }

    /// Takes a block back, for a caller that has other blocks too; does nothing and returns false
    /// for an address that is no block of this pool.
    [[nodiscard]] bool try_deallocate(void* block) noexcept {
        const std::uint64_t index = index_of(block);
        if (!is_block(index)) [[unlikely]] {
            return false;
        }
        if (thread_cache* const cache = own_cache(); cache != nullptr) [[likely]] {
            mark_freed_or_refuse(block, index);
            put_back(*cache, block, index);
        } else {
            deallocate_slow(block, index);
        }
        return true;
    }

    void deallocate(thread_cache& cache, void* block) noexcept {
        const std::uint64_t index = index_of(block);
        if (!is_block(index)) [[unlikely]] {
            refuse_unless_null(block);
            return;
        }
        mark_freed_or_refuse(block, index);
        put_back(cache, block, index);
    }

    // --- an allocation in two halves: who needs to know what the block was before ---------------

    /// A free block that nobody else can get any more, or nullptr.
    [[nodiscard]] void* pick(thread_cache& cache) noexcept {
        if (!cache.kept.empty()) [[likely]] {
            void* const block = cache.kept.pop();
            prefetch_for_write(cache.kept.peek(prefetch_distance));
            return block;
        }
        return pick_from_word(cache);
    }

    /// A free block that nobody else can get any more, or nullptr; without a cache.
    [[nodiscard]] void* pick_directly() noexcept {
        claimed_word found = bits().claim(1);
        if (found.mask == 0) [[unlikely]] {
            found = claim_after_growth(1, nullptr);
        }
        return found.mask != 0 ? lowest_block(found) : count_failure();
    }

    /// True for a picked block that was never handed out.
    [[nodiscard]] bool is_fresh(const void* block) const noexcept {
        return state_of(index_of(block)) == block_state::never;
    }

    /// Makes a picked block the caller's. Stops the program if it is live already, which only two
    /// frees at the same instant can cause.
    [[nodiscard]] void* hand_out(void* block) noexcept {
        const std::uint64_t index = index_of(block);
        if constexpr (checked_build) {
            if (state_of(index) == block_state::live) [[unlikely]] {
                refuse(block, misuse::freed_twice);
            }
        }
        set_state(index, block_state::live);
        unpoison(block, storage_.stride_bytes());
        return block;
    }

    /// Takes back a block as if it had never been handed out.
    void put_back_fresh(void* block) noexcept;

    // --- an object's free, whose destructor runs between the two halves ----------------------

    /// Stops the program unless the block is live.
    void require_live(const void* block) const noexcept;

    /// Marks a live block free, so that every further free of it is refused; false for a null pointer
    /// and for what a sweep has destroyed. The block is the caller's until `finish_free`.
    [[nodiscard]] bool begin_free(const void* block) noexcept;

    /// True for a block whose object a sweep has destroyed. An unchecked free has to ask.
    [[nodiscard]] bool is_swept(const void* block) const noexcept {
        return state_of(index_of(block)) == block_state::swept;
    }

    void finish_free(void* block, thread_cache* cache) noexcept {
        if (cache != nullptr) [[likely]] {
            put_back(*cache, block, index_of(block));
        } else {
            put_back_directly(index_of(block));
        }
    }

    // --- without the thread's own blocks: for signal handlers and threads without a cache ------

    [[nodiscard]] void* try_allocate_directly() noexcept {
        void* const block = pick_directly();
        return block != nullptr ? hand_out(block) : nullptr;
    }

    void deallocate_directly(void* block) noexcept;

    // --- many blocks, waiting, reservation ----------------------------------------------------

    /// Fills as much of `out` as there are blocks, and returns how much.
    [[nodiscard]] std::size_t try_allocate_bulk(thread_cache* cache, std::span<void*> out) noexcept;

    void deallocate_bulk(std::span<void* const> blocks) noexcept;

    /// Waits for a block until the deadline; returns nullptr when it has passed.
    [[nodiscard]] void* try_allocate_until(std::chrono::steady_clock::time_point deadline) noexcept;

    /// Sets blocks aside; false, and sets none aside, when there are fewer.
    [[nodiscard]] bool reserve(std::size_t blocks) noexcept;

    /// Hands out one of the blocks that the caller has set aside: there is one.
    [[nodiscard]] void* allocate_reserved() noexcept;

    /// Frees blocks that were set aside and not handed out.
    void return_reserved(std::size_t blocks) noexcept;

    // --- the whole pool -----------------------------------------------------------------------

    /// The calling thread's cache if it has one already.
    [[nodiscard]] thread_cache* own_cache() const noexcept { return caches_[thread_index]; }

    /// The calling thread's cache, made now if need be; nullptr when all seats are taken.
    [[nodiscard]] thread_cache* join() noexcept;

    [[nodiscard]] thread_cache* own_cache_or_join() noexcept {
        return own_cache() != nullptr ? own_cache() : join();
    }

    [[nodiscard]] bool owns(const void* address) const noexcept { return storage_.owns(address); }

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    /// All blocks, including the spare ones.
    [[nodiscard]] std::size_t blocks() const noexcept {
        return storage_.capacity() - missing_of(storage_);
    }

    [[nodiscard]] const pool_name& name() const noexcept { return name_; }

    [[nodiscard]] std::size_t stride_bytes() const noexcept { return storage_.stride_bytes(); }

    /// Lets the storage grow until it has `blocks` blocks; false if it cannot.
    [[nodiscard]] bool can_hold(std::size_t blocks) noexcept;

    /// Gives back memory that has no live block and no block kept by another thread; returns the
    /// bytes.
    std::size_t shrink() noexcept;

    /// Why an address is not a block to be freed, for a caller that has found that it is not
    /// live.
    [[nodiscard]] misuse_report report_on(const void* address) const noexcept;

    /// True for the start of a block that is a caller's, false for every other address.
    [[nodiscard]] bool is_live_block(const void* address) const noexcept;

    /// Threads that may keep blocks; 0: none does.
    [[nodiscard]] std::size_t threads() const noexcept { return limits_.threads; }

    [[nodiscard]] const Storage& storage() const noexcept { return storage_; }

    /// Live blocks, counted one by one while others change them.
    [[nodiscard]] std::size_t count_live() const noexcept;

    [[nodiscard]] concurrent_pool_stats stats() const noexcept;

    /// Checks every invariant; no other thread is inside.
    [[nodiscard]] verdict verify() noexcept;

    /// Calls `visit(block)` for every block whose state satisfies `wanted`, in address order; no
    /// other thread is inside.
    template <class Wanted, class Visit>
    void for_each_block(Wanted wanted, Visit visit) noexcept;

    /// Calls `destroy(block)` for every live block, each once: a later free of such a block does
    /// nothing. No other thread is inside.
    template <class Destroy>
    void sweep(Destroy destroy) noexcept;

    [[noreturn]] MILLPOND_SLOW_PATH void throw_full() const;

    /// From here on threads that end are of no concern. The first step of a pool's destructor.
    void leave_threads() noexcept { end_use(); }

    /// Marks the pool so that a later free is recognised; the last step of a pool's destructor.
    void retire() noexcept;

private:
    static constexpr std::uint32_t prefetch_distance = 4; ///< in allocations

    [[nodiscard]] atomic_occupancy bits() noexcept {
        return {storage_.words(), storage_.shape(), storage_.capacity(), shared_.windows};
    }

    /// Blocks that are set aside: a second set of the same words, which a pool that grows lacks.
    [[nodiscard]] atomic_occupancy reserved() noexcept;
    [[nodiscard]] std::uint64_t
    reserved_in(std::uint32_t word) const noexcept; ///< of one word, now

    /// All blocks of one word, which has at least one index below the capacity.
    [[nodiscard]] std::uint64_t blocks_in(std::uint32_t word) const noexcept {
        const std::uint32_t rest = storage_.capacity() - word * word_blocks;
        const std::uint64_t all =
            ~std::uint64_t{0} >> (rest < word_blocks ? word_blocks - rest : 0);
        if constexpr (leaves_gaps<Storage>) {
            return all & ~storage_.missing_in(word);
        } else {
            return all;
        }
    }

    /// Words that have blocks.
    [[nodiscard]] std::uint32_t words_in_use() const noexcept {
        return storage_.capacity() / word_blocks + (storage_.capacity() % word_blocks != 0 ? 1 : 0);
    }

    [[nodiscard]] std::uint64_t index_of(const void* block) const noexcept {
        return storage_.index_of(block);
    }

    [[nodiscard]] bool is_block(std::uint64_t index) const noexcept {
        return index < storage_.max_capacity();
    }

    [[nodiscard]] void* block_at(std::uint64_t index) const noexcept {
        return storage_.block_at(index);
    }

    [[nodiscard]] block_state* states() const noexcept {
        return storage_.template records<block_state>();
    }

    // A state byte has no partner: it speaks only of itself.
    [[nodiscard]] block_state state_of(std::uint64_t index) const noexcept {
        return atomic_load(states()[index], std::memory_order_relaxed);
    }

    void set_state(std::uint64_t index, block_state state) noexcept {
        atomic_store(states()[index], state, std::memory_order_relaxed);
    }

    /// Marks a live block freed. Returns `live`, or what the block was instead.
    [[nodiscard]] block_state mark_freed(std::uint64_t index) noexcept;

    /// Stops the program unless the block is live.
    void mark_freed_or_refuse(const void* block, std::uint64_t index) noexcept;

    /// Poisons a free block.
    void shade(const void* block) const noexcept {
        poison_beside_others(block, storage_.stride_bytes());
    }

    /// Keeps a block that is marked freed.
    void put_back(thread_cache& cache, void* block, std::uint64_t index) noexcept {
        shade(block);
        if (cache.kept.size() < limits_.kept) [[likely]] {
            cache.kept.push(block);
        } else {
            put_beyond(cache, index);
        }
        // Pairs with the addition in try_allocate_until(), as wake_if_waiting() says.
        if (atomic_load(waiting_.waiters, std::memory_order_seq_cst) != 0) [[unlikely]] {
            give_to_waiter(cache);
        }
    }

    /// Takes the lowest block of the current word. The magazine is empty.
    [[nodiscard]] MILLPOND_OUTLINE void* pick_from_word(thread_cache& cache) noexcept;

    [[nodiscard]] void* lowest_block(const claimed_word& from) const noexcept {
        return block_at(std::uint64_t{from.word} * word_blocks + trailing_zeros(from.mask));
    }

    /// Frees a block that is marked freed beyond the full magazine.
    MILLPOND_OUTLINE void put_beyond(thread_cache& cache, std::uint64_t index) noexcept;

    /// Moves a block, marked freed, towards the occupancy.
    void gather(gathered_word& gathered, std::uint64_t index) noexcept;

    void flush(gathered_word& gathered) noexcept;

    /// Lets the storage grow and claims from it; an empty mask if it cannot.
    [[nodiscard]] MILLPOND_SLOW_PATH claimed_word
    claim_after_growth(std::uint32_t most, atomic_occupancy::helper* help) noexcept;

    /// Lets the storage grow by a step, while the lock is held; false if it cannot.
    [[nodiscard]] bool grow() noexcept;

    /// There is no block. Stops the program if that is because the pool is destroyed.
    [[nodiscard]] MILLPOND_SLOW_PATH void* count_failure() noexcept;

    /// Stops the program if the pool is destroyed.
    void require_alive() const noexcept;

    /// Returns everything that a thread keeps.
    void spill(thread_cache& cache) noexcept;

    MILLPOND_SLOW_PATH void* try_allocate_slow() noexcept;
    MILLPOND_SLOW_PATH void deallocate_slow(void* block, std::uint64_t index) noexcept;
    MILLPOND_SLOW_PATH void give_to_waiter(thread_cache& cache) noexcept;
    void wake_if_waiting() noexcept;
    void put_back_directly(std::uint64_t index) noexcept;

    [[nodiscard]] std::size_t shrink_chunks() noexcept;
    [[nodiscard]] bool claim_whole(block_range blocks) noexcept;
    [[nodiscard]] std::size_t shrink_pages() noexcept;

    struct word_window;

    [[nodiscard]] std::size_t discard_free(word_window& window) noexcept;
    [[nodiscard]] std::size_t discard(block_range run, word_window& window) noexcept;

    void end_thread(std::uint32_t index) noexcept;
    void recover(std::uint32_t own_index) noexcept;

    [[nodiscard]] verdict verify_cache(const thread_cache& cache, std::size_t& waiting) noexcept;
    [[nodiscard]] bool is_waiting(std::uint64_t index) noexcept;

    MILLPOND_SLOW_PATH void refuse_unless_null(const void* block) const noexcept;
    MILLPOND_SLOW_PATH void refuse_unless_swept(const void* block, block_state before) noexcept;
    [[noreturn]] MILLPOND_SLOW_PATH void refuse(const void* block, misuse reason) const noexcept;

    Storage storage_;
    thread_cache** caches_ = nullptr;         ///< by thread index; nullptr: no seat
    thread_cache* seats_ = nullptr;           ///< by seat
    std::uint64_t* asks_ = nullptr;           ///< by seat: see atomic_occupancy::helper
    std::uint64_t* reserved_words_ = nullptr; ///< as the occupancy's; nullptr in a pool that grows
    cache_limits limits_;
    std::size_t capacity_ = 0; ///< what is promised
    fork_lock* growth_lock_;   ///< see concurrent_layout
    free_check check_;
    pool_name name_;
    misuse gone_ = misuse::foreign; ///< why nothing can be freed any more; `foreign` while alive
    waiting_counts waiting_;
    shared_counts shared_;
};

} // namespace detail

MILLPOND_NAMESPACE_END

#include "millpond/pool/concurrent_core_cold.hpp"   // IWYU pragma: export
#include "millpond/pool/concurrent_core_free.hpp"   // IWYU pragma: export
#include "millpond/pool/concurrent_core_growth.hpp" // IWYU pragma: export
#include "millpond/pool/concurrent_core_verify.hpp" // IWYU pragma: export
#include "millpond/pool/concurrent_core_words.hpp"  // IWYU pragma: export
