// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Where a pool's memory comes from, as a field of every pool's options.

#include "millpond/base/config.hpp"
#include "millpond/base/stats.hpp"

#include <cstddef>
#include <span>

MILLPOND_NAMESPACE_BEGIN

/// Who owns the memory under a pool.
enum class memory_source : unsigned char {
    mapped,    ///< pages of the operating system, reserved for max_capacity, committed in steps
    heap,      ///< one allocation of the C heap for max_capacity
    buffer,    ///< the caller's own, which must outlive the pool
    automatic, ///< `mapped`; `heap` for a pool that never grows and takes no more than 16 KiB with its
               ///< metadata, unless it asks for guard pages, a lock or other pages
};

/// The memory under one pool. Every field has a default that suits most programs.
struct memory_options {
    memory_source source = memory_source::automatic; ///< who owns it
    std::span<std::byte> buffer{};         ///< `source = buffer`: blocks and metadata go here
    page_size pages = page_size::standard; ///< mapped only
    bool huge_page_fallback = true;        ///< false: an unavailable page size is an error
    bool lock = false;                     ///< mapped only: keep the committed pages in RAM (mlock)
    bool guard_pages = false; ///< mapped only: unmapped pages at both ends of blocks and metadata
};

MILLPOND_NAMESPACE_END
