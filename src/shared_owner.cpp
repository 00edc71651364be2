// SPDX-License-Identifier: MIT
/// \file
/// Where the control blocks of shared owners have their home, and what it is called.

#include "millpond/pool/shared_owner.hpp"

#include "millpond/base/error.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

pool_name home_name(const pool_name& pool) noexcept {
    constexpr std::string_view suffix = ".shared"; // a long name is cut, this is not
    std::array<char, pool_name::max_bytes + 1> text{};
    (void)std::snprintf(text.data(),
                        text.size(),
                        "%.*s%s",
                        static_cast<int>(pool_name::max_bytes - suffix.size()),
                        pool.c_str(),
                        suffix.data());
    return {text.data()};
}

region place_for_home(const pool_name& name,
                      memory_options& memory,
                      std::size_t bytes,
                      std::size_t alignment,
                      bool prefault,
                      std::size_t buffer_bytes) {
    if (memory.source == memory_source::heap) {
        return region::from_heap(name, bytes, alignment);
    }
    if (memory.source == memory_source::buffer) {
        if (memory.buffer.size() < buffer_bytes) {
            throw_bad_option(name.c_str(),
                             "memory.buffer.size()",
                             memory.buffer.size(),
                             "must be at least",
                             buffer_bytes);
        }
        const auto address = reinterpret_cast<std::uintptr_t>(memory.buffer.data());
        const std::span<std::byte> aligned = memory.buffer.subspan((0 - address) % alignment);
        memory.buffer = aligned.subspan(bytes);
        return region::borrowed(aligned.first(bytes));
    }
    region place = region::mapped({.name = name,
                                   .bytes = bytes,
                                   .lock = memory.lock,
                                   .prefault = prefault,
                                   .guard_pages = memory.guard_pages});
    place.commit_or_throw(name, bytes);
    return place;
}

} // namespace detail

MILLPOND_NAMESPACE_END
