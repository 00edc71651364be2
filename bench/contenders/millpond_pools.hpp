// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Millpond's own pools, for whichever checking level the including file is compiled with. Included
/// once per level, so everything is in a namespace named after the level: an anonymous one would
/// not do, because GCC 12 gives `f<anonymous::a_template>` external linkage and the linker would
/// then keep one level's loops for both.

#include "millpond/millpond.hpp"

#include <cstddef>

#include "contenders/making.hpp"
#include "contenders/run_patterns.hpp"

namespace millpond::bench {

namespace MILLPOND_ABI {

template <std::size_t Bytes>
class raw_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit raw_pool(std::size_t blocks)
        : pool_({.name = "raw", .block_bytes = Bytes, .capacity = blocks}) {}

    explicit raw_pool(growing limit)
        : pool_({.name = "growing",
                 .block_bytes = Bytes,
                 .capacity = 1,
                 .max_capacity = limit.most_blocks}) {}

    explicit raw_pool(prefaulted size)
        : pool_({.name = "prefaulted",
                 .block_bytes = Bytes,
                 .capacity = size.blocks,
                 .prefault = true}) {}

    void* allocate() noexcept { return pool_.try_allocate(); }

    void deallocate(void* block) noexcept { pool_.deallocate(block); }

    void trim() noexcept { pool_.shrink(); }

private:
    block_pool pool_;
};

/// The same on transparent huge pages, which a pool asks for with one option.
template <std::size_t Bytes>
class raw_pool_on_huge_pages {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit raw_pool_on_huge_pages(std::size_t blocks)
        : pool_({.name = "huge",
                 .block_bytes = Bytes,
                 .capacity = blocks,
                 .memory = {.pages = page_size::transparent_huge}}) {}

    explicit raw_pool_on_huge_pages(prefaulted size)
        : pool_({.name = "huge",
                 .block_bytes = Bytes,
                 .capacity = size.blocks,
                 .prefault = true,
                 .memory = {.pages = page_size::transparent_huge}}) {}

    void* allocate() noexcept { return pool_.try_allocate(); }

    void deallocate(void* block) noexcept { pool_.deallocate(block); }

    void trim() noexcept { pool_.shrink(); }

private:
    block_pool pool_;
};

/// An object whose constructor does nothing, so that making it is making room for it.
template <std::size_t Bytes>
struct payload {
    payload() noexcept {} // NOLINT(modernize-use-equals-default): a default would zero the bytes

    alignas(Bytes < 16 ? Bytes : 16) unsigned char bytes[Bytes];
};

template <std::size_t Bytes>
class typed_pool_of_payload {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit typed_pool_of_payload(std::size_t blocks)
        : pool_({.name = "typed", .capacity = blocks}) {}

    explicit typed_pool_of_payload(growing limit)
        : pool_({.name = "growing", .capacity = 1, .max_capacity = limit.most_blocks}) {}

    explicit typed_pool_of_payload(prefaulted size)
        : pool_({.name = "prefaulted", .capacity = size.blocks, .prefault = true}) {}

    void* allocate() noexcept { return pool_.try_create(); }

    void deallocate(void* block) noexcept { pool_.destroy(static_cast<payload<Bytes>*>(block)); }

    void trim() noexcept { pool_.shrink(); }

private:
    object_pool<payload<Bytes>> pool_;
};

/// Blocks in the largest static pool that is measured.
constexpr std::size_t static_blocks = 65'536;

template <std::size_t Bytes>
constinit static_block_pool<Bytes, static_blocks> in_static_storage;

template <std::size_t Bytes>
class static_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit static_pool(std::size_t /*blocks*/) {}

    void* allocate() noexcept { return in_static_storage<Bytes>.try_allocate(); }

    void deallocate(void* block) noexcept { in_static_storage<Bytes>.deallocate(block); }
};

} // namespace MILLPOND_ABI

} // namespace millpond::bench
