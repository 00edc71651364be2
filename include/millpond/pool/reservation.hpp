// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks set aside for one owner before they are needed.

#include "millpond/base/config.hpp"

#include <cstddef>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// A number of blocks of a concurrent core that nobody else can have.
///
/// Units:      blocks.
/// Complexity: taking one is O(1), repeated each time another reservation takes what this one
///             found; no system call.
/// Errors:     none: what is reserved is there. Taking more than `remaining()` returns nullptr.
/// Threads:    one at a time per reservation; blocks are freed by any thread.
/// Source:     own.
template <class Core>
class reserved_blocks {
public:
    reserved_blocks() noexcept = default;

    reserved_blocks(Core& core, std::size_t blocks) noexcept
        : core_(&core)
        , remaining_(blocks) {}

    reserved_blocks(reserved_blocks&& other) noexcept
        : core_(std::exchange(other.core_, nullptr))
        , remaining_(std::exchange(other.remaining_, 0)) {}

    reserved_blocks& operator=(reserved_blocks&& other) noexcept {
        std::swap(core_, other.core_);
        std::swap(remaining_, other.remaining_);
        return *this;
    }

    reserved_blocks(const reserved_blocks&) = delete;
    reserved_blocks& operator=(const reserved_blocks&) = delete;

    ~reserved_blocks() { release(); }

    /// A block; nullptr only when all that were reserved have been taken.
    [[nodiscard]] void* take() noexcept {
        if (remaining_ == 0) {
            return nullptr;
        }
        --remaining_;
        return core_->allocate_reserved();
    }

    /// Blocks that can still be taken.
    [[nodiscard]] std::size_t remaining() const noexcept { return remaining_; }

    /// Gives back what was not taken.
    void release() noexcept {
        if (remaining_ != 0) {
            core_->return_reserved(std::exchange(remaining_, 0));
        }
    }

private:
    Core* core_ = nullptr;
    std::size_t remaining_ = 0;
};

} // namespace detail

MILLPOND_NAMESPACE_END
