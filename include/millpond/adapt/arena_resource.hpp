// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// An arena as a memory resource, for the standard containers.
///
///     millpond::arena scratch({.name = "scratch", .capacity = 1 << 20});
///     millpond::arena_resource memory(scratch);
///     {
///         millpond::arena::scope whole_request(scratch);
///         std::pmr::vector<int> numbers(&memory);     // dies before the scope ends
///         auto* names = scratch.create<std::pmr::vector<std::pmr::string>>(&memory);
///     }                                               // names: destroyed here, by the arena
///
/// A container that grows leaves its old block behind, unless that was the last one allocated:
/// reserve what is needed. A container that is still alive when the arena is rewound past its
/// blocks is broken, and so is its destructor: destroy it first, or make it an object of the arena
/// itself.

#include "millpond/base/config.hpp"
#include "millpond/pool/arena.hpp"

#include <cstddef>
#include <memory_resource>

MILLPOND_NAMESPACE_BEGIN

/// An arena as a std::pmr::memory_resource.
///
/// Units:      bytes.
/// Complexity: O(1) each, as `arena::allocate` and `arena::deallocate`, plus a virtual call.
/// Errors:     `allocate` throws pool_exhausted, a std::bad_alloc. `deallocate` takes back the
///             block that was allocated last (as `arena::deallocate` says) and leaves any other to
///             the next rewind; a block that is not in use stops the program. Resources of the same
///             arena are equal; in a build without RTTI a resource is equal only to itself.
/// Threads:    one thread at a time per arena.
/// Source:     Hanson 1990 (arenas); std::pmr::monotonic_buffer_resource for the idea.
class arena_resource final : public std::pmr::memory_resource {
public:
    /// The arena must outlive all use of the resource.
    explicit arena_resource(arena& source) noexcept
        : source_(source) {}

    arena_resource(const arena_resource&) = delete;
    arena_resource& operator=(const arena_resource&) = delete;
    ~arena_resource() override = default;

    /// The arena that the memory comes from.
    [[nodiscard]] arena& source() const noexcept { return source_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        return source_.allocate(bytes, alignment);
    }

    void do_deallocate(void* block, std::size_t bytes, std::size_t /*alignment*/) override {
        source_.deallocate(block, bytes);
    }

    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        const arena_resource* const same_kind = as_arena_resource(other);
        return this == &other || (same_kind != nullptr && &same_kind->source_ == &source_);
    }

#if defined(__cpp_rtti)
    static const arena_resource*
    as_arena_resource(const std::pmr::memory_resource& other) noexcept {
        return dynamic_cast<const arena_resource*>(&other);
    }
#else
    /// Without type information the type of the other resource is unknown.
    static const arena_resource*
    as_arena_resource(const std::pmr::memory_resource& /*other*/) noexcept {
        return nullptr;
    }
#endif

    arena& source_;
};

MILLPOND_NAMESPACE_END
