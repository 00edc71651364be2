// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The part of concurrent_core that tells whether a block that is freed is live. Included by
/// concurrent_core.hpp only. What is `inline` here is on the path of every free.

#include "millpond/pool/concurrent_core.hpp"

#include <atomic>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Storage>
inline bool concurrent_core<Storage>::begin_free(const void* block) noexcept {
    const std::uint64_t index = index_of(block);
    if (!is_block(index)) [[unlikely]] {
        refuse_unless_null(block);
        return false;
    }
    const block_state before = mark_freed(index);
    if (before != block_state::live) [[unlikely]] {
        refuse_unless_swept(block, before);
        return false;
    }
    return true;
}

template <class Storage>
inline block_state concurrent_core<Storage>::mark_freed(std::uint64_t index) noexcept {
    if constexpr (checked_build) {
        block_state before = state_of(index);
        if (check_ == free_check::exact) [[unlikely]] {
            // No partner: the order of this byte decides, and the first thread has freed the block.
            before =
                atomic_exchange(states()[index], block_state::freed, std::memory_order_relaxed);
        }
        if (before != block_state::live) [[unlikely]] {
            return before;
        }
    }
    set_state(index, block_state::freed);
    return block_state::live;
}

template <class Storage>
inline void concurrent_core<Storage>::mark_freed_or_refuse(const void* block,
                                                           std::uint64_t index) noexcept {
    const block_state before = mark_freed(index);
    if (before != block_state::live) [[unlikely]] {
        refuse(block, before == block_state::never ? misuse::never_allocated : misuse::freed_twice);
    }
}

template <class Storage>
void concurrent_core<Storage>::refuse_unless_swept(const void* block, block_state before) noexcept {
    if (before != block_state::swept) {
        refuse(block, before == block_state::never ? misuse::never_allocated : misuse::freed_twice);
    }
    set_state(index_of(block), before); // an exact check has exchanged it
}

} // namespace detail

MILLPOND_NAMESPACE_END
