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

/// Visits live objects in address order, a word of 64 blocks at a time. Objects may be created and
/// destroyed on the way: one that is destroyed before its turn is not visited, one that is created
/// may be, if it lies further on.
template <class T, class Core>
class live_iterator {
public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = std::remove_const_t<T>;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    live_iterator() noexcept = default;

    explicit live_iterator(const Core* core) noexcept
        : core_(core)
        , ahead_(core->marked_live(0))
        , coming_(ahead_) {
        settle();
    }

    [[nodiscard]] reference operator*() const noexcept { return *operator->(); }

    [[nodiscard]] pointer operator->() const noexcept {
        return std::launder(static_cast<T*>(core_->block_at(index_)));
    }

    live_iterator& operator++() noexcept {
        rest_ &= rest_ - 1;
        settle();
        return *this;
    }

    live_iterator operator++(int) noexcept {
        live_iterator before = *this;
        ++*this;
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

    /// Stops at the first block from `rest_` on that is live still.
    void settle() noexcept {
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
                ahead_ = core_->marked_live(next_);
                coming_ = ahead_;
            }
            fetch_one();
            index_ = first_ + static_cast<std::uint32_t>(std::countr_zero(rest_));
            if (core_->is_live(index_)) [[likely]] {
                return;
            }
            rest_ &= rest_ - 1;
        }
    }

    /// Starts bringing one block of the next word into the cache, so that as many are on their way
    /// as are visited here. Past the last one it asks for a block that is not needed, and harms nobody.
    void fetch_one() noexcept {
        prefetch_for_read(
            core_->block_at(next_ + static_cast<std::uint32_t>(std::countr_zero(coming_))));
        coming_ &= coming_ - 1;
    }

    const Core* core_ = nullptr;
    std::uint64_t rest_ = 0;          ///< blocks of the word that are still to be visited
    std::uint64_t ahead_ = 0;         ///< those of the next word
    std::uint64_t coming_ = 0;        ///< the part of ahead_ that was not fetched yet
    std::uint32_t first_ = 0;         ///< the word's first block
    std::uint64_t next_ = 0;          ///< the next word's; may be 2^32, after the last
    std::uint32_t index_ = end_index; ///< the block to be visited now: the lowest of rest_
};

/// The operations on objects; the derived pools add how they are made.
template <class T, class Core>
class typed_pool {
    static_assert(poolable<T>,
                  "a pool holds objects of one type; pool the struct that contains the array");

public:
    using value_type = T;
    using iterator = live_iterator<T, Core>;
    using const_iterator = live_iterator<const T, Core>;

    /// Gives an object back to its pool; the deleter of `unique`.
    class deleter {
    public:
        explicit deleter(typed_pool* pool = nullptr) noexcept
            : pool_(pool) {}

        void operator()(T* object) const noexcept { pool_->destroy(object); }

    private:
        typed_pool* pool_;
    };

    using unique = std::unique_ptr<T, deleter>;

    typed_pool(const typed_pool&) = delete;
    typed_pool& operator=(const typed_pool&) = delete;

    /// Constructs an object from the arguments; nullptr when the pool is full. What the constructor
    /// throws passes, and the block is free again.
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

    /// `create` with an owner that destroys the object. The pool must neither move nor die first.
    template <class... Arguments>
    [[nodiscard]] unique make_unique(Arguments&&... arguments) {
        return unique(create(std::forward<Arguments>(arguments)...), deleter(this));
    }

    /// `try_create` with an owner that destroys the object; an empty one when the pool is full.
    template <class... Arguments>
    [[nodiscard]] unique
    try_make_unique(Arguments&&... arguments) noexcept(constructs_nothrow<T, Arguments...>) {
        return unique(try_create(std::forward<Arguments>(arguments)...), deleter(this));
    }

    /// Destroys an object and frees its block. A null pointer is ignored; anything that is not a
    /// live object of this pool stops the program before its destructor runs.
    void destroy(T* object) noexcept {
        void* const block = block_of(object);
        std::uint64_t index; // set by accept()
        if (!core_.accept(block, index)) [[unlikely]] {
            return;
        }
        if constexpr (std::is_trivially_destructible_v<T>) {
            core_.put_back(block, index);
        } else {
            core_.begin_free(block, index);
            std::destroy_at(object);
            core_.finish_free(block, index);
        }
    }

    /// Destroys every live object, in address order, and keeps the memory. O(metadata), and the
    /// destructors. One that is destroyed by another's destructor before its turn is not destroyed
    /// again; a destructor must neither create objects in this pool nor clear it.
    void clear() noexcept {
        destroy_all();
        core_.clear();
    }

    /// Live objects in address order. O(capacity / 8) for all together.
    [[nodiscard]] iterator begin() noexcept { return iterator(&core_); }

    [[nodiscard]] const_iterator begin() const noexcept { return const_iterator(&core_); }

    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// True when the address lies inside this pool's blocks.
    [[nodiscard]] bool owns(const void* address) const noexcept { return core_.owns(address); }

    /// Objects that can be live at once without growing.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.storage().capacity(); }

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

    /// What a pool does last: destroys its objects and lets a later free be recognised.
    void finish() noexcept {
        destroy_all();
        core_.retire();
    }

private:
    void destroy_all() noexcept {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            for (iterator object = begin(); object != end(); ++object) {
                destroy(std::addressof(*object));
            }
        }
    }

    Core core_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
