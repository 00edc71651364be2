// SPDX-License-Identifier: MIT
/// \file
/// A snapshot that is cut off, changed or of another type is refused with what is wrong and where, and the pool is as it was.
//
// class: damaged snapshot
// pools: handle_pool
// ends:  exit 0
// says:  millpond: pool 'victim': snapshot: size is 103, must be at least 104
// then:  millpond: pool 'victim': snapshot, byte 32: object size is 4, must be 8

#include <stdexcept>

#include "behind_handles.hpp"

namespace {

template <class T>
void restore(millpond::handle_pool<T>& pool, std::span<const std::byte> from, bool says) {
    try {
        pool.restore(from);
    } catch (const std::invalid_argument& error) {
        if (says) {
            std::fprintf(stderr, "%s\n", error.what());
        }
    }
}

} // namespace

int main() {
    millpond::handle_pool<int> pool({.name = "victim", .capacity = 10});
    const millpond::handle<int> seven = pool.create(7);
    std::vector<std::byte> taken(pool.snapshot_bytes());
    (void)pool.snapshot(taken);
    restore(pool, std::span(taken).first(103), true);
    millpond::handle_pool<long long> other({.name = "victim", .capacity = 10});
    restore(other, taken, true);
    misuse::require(other.empty());
    misuse::object_of(pool, seven) = 8;
    for (std::byte& each : taken) {
        each ^= std::byte{0x40};
        restore(pool, taken, false);
        misuse::require(misuse::object_of(pool, seven) == 8 && pool.verify());
        each ^= std::byte{0x40};
    }
    pool.restore(taken);
    misuse::require(misuse::object_of(pool, seven) == 7);
    return 0;
}
