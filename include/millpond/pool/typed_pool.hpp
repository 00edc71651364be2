// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Objects of one type in the blocks of a pool_core: what object_pool and static_object_pool share.

#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/construct.hpp"
#include "millpond/pool/pool_core.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Visits live objects in address order, a line of 64 blocks at a time. Objects may be created and
/// destroyed on the way: one that is destroyed before its turn is not visited, one that is created
/// further on may be. A single value, equal to the sentinel, stands for both ends, so a step back
/// from it leads to the last object, and a step back from the first object leads to it.
template <class T, class Core>
class live_iterator {
public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = std::remove_const_t<T>;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    live_iterator() noexcept = default;

    explicit live_iterator(const Core* core) noexcept
        : core_(core)
        , ahead_(core->live_in(0))
        , is_dense_(core->live() > core->frontier() / 4)
        , coming_(is_dense_ ? ahead_ : 0) {
        settle();
    }

    /// Past the last object.
    live_iterator(const Core* core, std::default_sentinel_t) noexcept
        : core_(core) {}

    [[nodiscard]] reference operator*() const noexcept { return *operator->(); }

    [[nodiscard]] pointer operator->() const noexcept {
        return std::launder(static_cast<T*>(core_->block_at(index_)));
    }

    live_iterator& operator++() noexcept {
        rest_ &= rest_ - 1;
        if (rest_ != 0) [[likely]] {
            index_ = first_ + trailing_zeros(rest_);
            if (core_->is_surely_live(index_)) [[likely]] {
                if (coming_ != 0) {
                    fetch_one();
                }
                return *this;
            }
        }
        settle();
        return *this;
    }

    live_iterator operator++(int) noexcept {
        live_iterator before = *this;
        ++*this;
        return before;
    }

    live_iterator& operator--() noexcept {
        std::uint64_t before = index_ == end_index
                                   ? enter_last_line()
                                   : marked_ & ((std::uint64_t{1} << (index_ - first_)) - 1);
        while (true) {
            while (before == 0) {
                if (first_ == 0) {
                    index_ = end_index;
                    return *this;
                }
                next_ = first_;
                first_ -= word_blocks;
                ahead_ = marked_;
                marked_ = core_->live_in(first_);
                before = marked_;
            }
            const auto highest = static_cast<std::uint32_t>(std::bit_width(before)) - 1;
            index_ = first_ + highest;
            if (core_->is_live_block(core_->block_at(index_))) [[likely]] {
                rest_ = marked_ & (~std::uint64_t{0} << highest);
                coming_ = 0;
                return *this;
            }
            before ^= std::uint64_t{1} << highest;
        }
    }

    live_iterator operator--(int) noexcept {
        live_iterator before = *this;
        --*this;
        return before;
    }

    [[nodiscard]] friend bool operator==(const live_iterator& a, const live_iterator& b) noexcept {
        return a.index_ == b.index_;
    }

    [[nodiscard]] friend bool operator==(const live_iterator& a, std::default_sentinel_t) noexcept {
        return a.index_ == end_index;
    }

private:
    static constexpr std::uint32_t end_index = ~std::uint32_t{0};
    static constexpr std::uint32_t lines_ahead = 7; ///< of the next one: 28 KiB of small objects

    /// Stops at the first block from `rest_` on that is still live.
    MILLPOND_OUTLINE void settle() noexcept {
        while (true) {
            while (rest_ == 0) {
                if (next_ >= core_->frontier()) {
                    index_ = end_index;
                    return;
                }
                while (coming_ != 0) {
                    fetch_one();
                }
                first_ = static_cast<std::uint32_t>(next_);
                next_ += word_blocks;
                rest_ = ahead_;
                marked_ = ahead_;
                ahead_ = core_->live_in(next_);
                fetch_ahead();
            }
            if (coming_ != 0) {
                fetch_one();
            }
            index_ = first_ + trailing_zeros(rest_);
            if (core_->is_surely_live(index_) || core_->is_live_block(core_->block_at(index_)))
                [[likely]] {
                return;
            }
            rest_ &= rest_ - 1;
        }
    }

    /// Makes the last line in use the current one, and returns its live blocks.
    [[nodiscard]] std::uint64_t enter_last_line() noexcept {
        const std::uint32_t used = core_->frontier();
        first_ = used == 0 ? 0 : (used - 1) / word_blocks * word_blocks;
        next_ = std::uint64_t{first_} + word_blocks;
        ahead_ = 0;
        marked_ = core_->live_in(first_);
        return marked_;
    }

    /// Begins to fetch what comes after a line that was just entered. A line of small objects is a page, and
    /// where few are live its address takes longer to find than an object: so a later one is touched. The
    /// next line's objects follow at once where they are few, and one by one where they are many.
    void fetch_ahead() noexcept {
        prefetch_for_read(core_->block_at(next_ + lines_ahead * word_blocks));
        coming_ = ahead_;
        while (!is_dense_ && coming_ != 0) {
            fetch_one();
        }
    }

    /// Starts bringing one block of the next line into the cache, so that as many are on their way
    /// as are visited here. After the last one it asks for a block that is not needed, which does
    /// no harm.
    void fetch_one() noexcept {
        prefetch_for_read(core_->block_at(next_ + trailing_zeros(coming_)));
        coming_ &= coming_ - 1;
    }

    const Core* core_ = nullptr;
    std::uint64_t rest_ = 0;          ///< blocks of the line that are still to be visited
    std::uint64_t marked_ = 0;        ///< all that were live when the line was entered
    std::uint64_t ahead_ = 0;         ///< the live blocks of the next line
    bool is_dense_ = false;           ///< many are live
    std::uint64_t coming_ = 0;        ///< the part of ahead_ that is still to be fetched
    std::uint32_t first_ = 0;         ///< the line's first block
    std::uint64_t next_ = 0;          ///< the next word's; may be 2^32, after the last
    std::uint32_t index_ = end_index; ///< the block to be visited now: the lowest of rest_
};

/// Visits live objects from the highest address to the lowest, while objects come and go as they
/// may for a live_iterator. std::reverse_iterator cannot do this: it points past its object, and so
/// misses the next one when its own is destroyed.
template <class Iterator>
class backward_iterator {
public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = typename Iterator::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = typename Iterator::pointer;
    using reference = typename Iterator::reference;

    backward_iterator() noexcept = default;

    /// At the last object before `end`.
    explicit backward_iterator(Iterator end) noexcept
        : at_(--end) {}

    [[nodiscard]] reference operator*() const noexcept { return *at_; }

    [[nodiscard]] pointer operator->() const noexcept { return at_.operator->(); }

    backward_iterator& operator++() noexcept {
        --at_;
        return *this;
    }

    backward_iterator operator++(int) noexcept {
        backward_iterator before = *this;
        ++*this;
        return before;
    }

    [[nodiscard]] friend bool operator==(const backward_iterator& a,
                                         const backward_iterator& b) noexcept = default;

    [[nodiscard]] friend bool operator==(const backward_iterator& a,
                                         std::default_sentinel_t end) noexcept {
        return a.at_ == end;
    }

private:
    Iterator at_;
};

/// The operations on objects; the derived pools add how the pool is made.
template <class T, class Core>
class typed_pool {
    static_assert(poolable<T>);

public:
    using value_type = T;
    using iterator = live_iterator<T, Core>;
    using const_iterator = live_iterator<const T, Core>;
    using reverse_iterator = backward_iterator<iterator>;
    using const_reverse_iterator = backward_iterator<const_iterator>;

    typed_pool(const typed_pool&) = delete;
    typed_pool& operator=(const typed_pool&) = delete;

    /// Constructs an object from the arguments; returns nullptr when the pool is full. If the
    /// constructor throws, the exception propagates and the block is free again.
    template <class... Arguments>
    [[nodiscard]] T*
    try_create(Arguments&&... arguments) noexcept(constructs_nothrow<T, Arguments...>) {
        void* const block = core_.try_allocate();
        if (block == nullptr) [[unlikely]] {
            return nullptr;
        }
        return construct_in<T>(core_, block, std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object from the arguments; throws pool_exhausted when the pool is full.
    template <class... Arguments>
    [[nodiscard, gnu::returns_nonnull]] T* create(Arguments&&... arguments) {
        void* const block = core_.try_allocate();
        if (block == nullptr) [[unlikely]] {
            throw_full();
        }
        return construct_in<T>(core_, block, std::forward<Arguments>(arguments)...);
    }

    /// Destroys an object and frees its block. A null pointer is ignored; anything but a live
    /// object of this pool stops the program before a destructor runs.
    void destroy(T* object) noexcept {
        const std::uint64_t index = core_.accept(object);
        if (index == Core::no_block) [[unlikely]] {
            return;
        }
        if constexpr (std::is_trivially_destructible_v<T>) {
            core_.put_back(object, index);
        } else if (core_.begin_free(index)) {
            std::destroy_at(object);
            core_.put_back(object, index);
        }
    }

    /// Destroys every live object and keeps the memory. O(metadata) plus the destructors. They run
    /// in address order and may destroy other objects of the pool: each is destroyed once, even
    /// where objects own each other in a circle. They must neither create objects in this pool nor
    /// clear it.
    void clear() noexcept {
        destroy_all();
        core_.clear();
    }

    /// Live objects in address order. O(capacity / 8) for all of them together.
    [[nodiscard]] iterator begin() noexcept { return iterator(&core_); }

    [[nodiscard]] const_iterator begin() const noexcept { return const_iterator(&core_); }

    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// Live objects from the highest address to the lowest. The object at the iterator may be
    /// destroyed before the next step, unlike with std::views::reverse. O(capacity / 8) for all of
    /// them together.
    [[nodiscard]] reverse_iterator rbegin() noexcept {
        return reverse_iterator(iterator(&core_, end()));
    }

    [[nodiscard]] const_reverse_iterator rbegin() const noexcept {
        return const_reverse_iterator(const_iterator(&core_, end()));
    }

    [[nodiscard]] std::default_sentinel_t rend() const noexcept { return {}; }

    /// True only for the address of a live object: from before its constructor runs until it is
    /// destroyed. False for any other address, including null. O(1).
    [[nodiscard]] bool is_live(const void* address) const noexcept {
        return core_.is_live_block(address);
    }

    /// True when the address lies inside this pool's blocks.
    [[nodiscard]] bool owns(const void* address) const noexcept { return core_.owns(address); }

    /// Objects that can be live at once without growing.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.storage().capacity(); }

    /// Objects that the pool may grow to.
    [[nodiscard]] std::size_t max_capacity() const noexcept {
        return core_.storage().max_capacity();
    }

    /// Objects that are live.
    [[nodiscard]] std::size_t size() const noexcept { return core_.live(); }

    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// capacity() - size().
    [[nodiscard]] std::size_t available() const noexcept { return capacity() - size(); }

    /// The most objects that were ever live at once; exact.
    [[nodiscard]] std::size_t high_water() const noexcept { return core_.high_water(); }

    [[nodiscard]] const char* name() const noexcept { return core_.name().c_str(); }

    [[nodiscard]] pool_stats stats() const noexcept { return core_.stats(); }

    /// Checks every invariant; O(capacity).
    [[nodiscard]] verdict verify() const noexcept { return core_.verify(); }

protected:
    using core_type = Core;

    template <class... Arguments>
    explicit constexpr typed_pool(Arguments&&... arguments)
        : core_(std::forward<Arguments>(arguments)...) {}

    typed_pool(typed_pool&&) noexcept = default;
    typed_pool& operator=(typed_pool&&) noexcept = default;
    ~typed_pool() = default;

    [[nodiscard]] Core& core() noexcept { return core_; }

    [[nodiscard]] const Core& core() const noexcept { return core_; }

    [[noreturn]] MILLPOND_SLOW_PATH void throw_full() const {
        throw_exhausted(name(), capacity(), high_water(), core_.storage().growth_error());
    }

    /// The last step of a pool: destroys its objects and makes a later free recognisable.
    void finish() noexcept {
        destroy_all();
        core_.retire();
    }

private:
    void destroy_all() noexcept {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            for (iterator at = begin(); at != end(); ++at) {
                T* const object = std::addressof(*at);
                core_.begin_sweep(object);
                std::destroy_at(object);
                core_.finish_sweep(object);
            }
        }
    }

    Core core_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
