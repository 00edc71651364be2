// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The handle_pool that some programs of this folder misuse: "victim", 3,000 objects of 64 bytes, in
/// static memory, so that it stays readable when it is dead.

#include "victim.hpp"

namespace misuse {

/// Says its number when it is destroyed, but not where it was only moved away from.
struct numbered {
    explicit numbered(int which) noexcept
        : number(which) {}

    numbered(numbered&& other) noexcept
        : number(std::exchange(other.number, 0))
        , rest(other.rest) {}

    numbered(const numbered&) = delete;
    numbered& operator=(const numbered&) = delete;
    numbered& operator=(numbered&&) = delete;

    ~numbered() {
        if (number != 0) {
            std::printf("destroyed=%d\n", number);
        }
    }

    int number; ///< 0: moved from
    std::array<char, block_bytes - sizeof(int)> rest{};
};

using handles = millpond::handle_pool<numbered>;
using named = millpond::handle<numbered>;

inline millpond::handle_pool_options options_of_handles() {
    return {.name = "victim", .capacity = capacity};
}

/// A pool that can die before what refers to it.
class handle_victim {
public:
    handle_victim()
        : pool_(::new (place_.data()) handles(options_of_handles())) {}

    handles* operator->() const { return opaque(pool_); }

    handles& operator*() const { return *opaque(pool_); }

    void destroy_pool() { std::destroy_at(pool_); }

private:
    alignas(handles) static inline std::array<std::byte, sizeof(handles)> place_{};
    handles* pool_;
};

/// Ends the program with exit code 4 when something is not as it must be.
inline void require(bool holds) {
    if (!holds) {
        std::fflush(stdout);
        std::_Exit(4);
    }
}

inline void require(const millpond::verdict& found) {
    require(found.fault == nullptr);
}

/// The object that must be there.
template <class T>
T& object_of(millpond::handle_pool<T>& pool, millpond::handle<T> name) {
    T* const found = pool.get(name);
    require(found != nullptr);
    return *found;
}

} // namespace misuse
