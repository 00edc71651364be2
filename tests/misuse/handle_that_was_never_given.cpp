// SPDX-License-Identifier: MIT
/// \file
/// No value finds an object that it was not given for: the null handle, the one that will be given next, all that differ from a live one in one or three bits, a million random ones.
//
// class: handle of another pool, or of none
// pools: handle_pool
// ends:  exit 0
// says:  nothing

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named mine = pool->create(1);
    const misuse::named gone = pool->create(2);
    pool->destroy(gone);
    misuse::require(pool->get({}) == nullptr);
    const auto finds = [&](std::uint64_t value) {
        return pool->contains(misuse::named::from_value(value));
    };
    const std::uint64_t next =
        gone.value() + (1U << 12); // the next generation, beside 12 bits of slot
    misuse::require(!finds(next));
    for (int i = 0; i < 64; ++i) {
        for (int j = 0; j < 64; ++j) {
            for (int k = 0; k <= j; ++k) {
                const std::uint64_t bits =
                    std::uint64_t{1} << i ^ std::uint64_t{1} << j ^ std::uint64_t{1} << k;
                misuse::require(!finds(mine.value() ^ bits));
            }
        }
    }
    std::uint64_t random = 88172645463325252U;
    for (int i = 0; i < 1'000'000; ++i) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        misuse::require(!finds(random));
    }
    misuse::require(pool->create(3).value() == next && finds(next));
    return 0;
}
