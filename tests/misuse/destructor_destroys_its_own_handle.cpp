// SPDX-License-Identifier: MIT
/// \file
/// A destructor that destroys its own object through its handle does nothing: the handle is stale by then.
//
// class: double free at once
// pools: handle_pool
// ends:  exit 0
// says:  nothing
// destroys: 1

#include "behind_handles.hpp"

namespace {

struct selfish;
using selves = millpond::handle_pool<selfish>;

struct selfish {
    explicit selfish(selves* home) noexcept
        : pool(home) {}

    selfish(selfish&& other) noexcept
        : pool(std::exchange(other.pool, nullptr)) {}

    selfish(const selfish&) = delete;
    selfish& operator=(const selfish&) = delete;
    selfish& operator=(selfish&&) = delete;

    ~selfish() {
        if (pool != nullptr) {
            std::printf("destroyed=1\n");
            misuse::require(!pool->destroy(pool->handle_of(*this)));
        }
    }

    selves* pool;
};

} // namespace

int main() {
    selves pool({.name = "victim", .capacity = 10});
    misuse::require(pool.destroy(pool.create(&pool)));
    misuse::require(pool.empty() && pool.verify());
    return 0;
}
