// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The source of an arena's further memory: the standard's class where the standard library has it.

#include "millpond/base/config.hpp"

#include <cstddef>

#if MILLPOND_HAS_MEMORY_RESOURCE
#    include <memory_resource>
#endif

MILLPOND_NAMESPACE_BEGIN

#if MILLPOND_HAS_MEMORY_RESOURCE

/// Memory of any size; derive your own class from it.
using memory_resource = std::pmr::memory_resource;

#else

/// Memory of any size; derive your own class from it. Stands in for std::pmr::memory_resource,
/// which this standard library lacks.
///
/// Units:      blocks of `bytes` bytes, aligned to `alignment`.
/// Complexity: that of the derived class.
/// Errors:     `do_allocate` throws std::bad_alloc when there is no memory.
/// Threads:    those of the derived class.
/// Source:     [mem.res.class] of C++17.
class memory_resource {
public:
    virtual ~memory_resource() = default;

    /// Returns a block; throws what `do_allocate` throws.
    [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
        return do_allocate(bytes, alignment);
    }

    /// Takes a block back.
    void deallocate(void* block, std::size_t bytes, std::size_t alignment) {
        do_deallocate(block, bytes, alignment);
    }

private:
    virtual void* do_allocate(std::size_t bytes, std::size_t alignment) = 0;
    virtual void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) = 0;
};

#endif

MILLPOND_NAMESPACE_END
