// SPDX-License-Identifier: MIT
/// \file
/// A destructor that destroys its own object again stops before it runs a second time.
//
// class: double free at once
// pools: object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

struct selfish {
    explicit selfish(millpond::object_pool<selfish>* home)
        : pool(home) {}

    selfish(const selfish&) = delete;
    selfish& operator=(const selfish&) = delete;

    ~selfish() {
        misuse::note("destroyed", this);
        pool->destroy(this);
    }

    millpond::object_pool<selfish>* pool;
};

int main() {
    millpond::object_pool<selfish> pool({.name = "victim", .capacity = 10});
    selfish* const object = pool.create(&pool);
    misuse::note("block", object);
    pool.destroy(object);
}
