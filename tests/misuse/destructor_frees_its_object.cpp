// SPDX-License-Identifier: MIT
/// \file
/// A destructor that destroys its own object again stops before it runs a second time.
//
// class: double free at once
// pools: object_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

namespace {

template <template <class> class Pool>
struct selfish {
    explicit selfish(Pool<selfish>* home)
        : pool(home) {}

    selfish(const selfish&) = delete;
    selfish& operator=(const selfish&) = delete;

    ~selfish() {
        misuse::note("destroyed", this);
        pool->destroy(this);
    }

    Pool<selfish>* pool;
};

template <template <class> class Pool>
void destroy_in() {
    Pool<selfish<Pool>> pool({.name = "victim", .capacity = 10});
    selfish<Pool>* const object = pool.create(&pool);
    misuse::note("block", object);
    pool.destroy(object);
}

} // namespace

int main(int count, char** values) {
    if (count == 2 && std::strcmp(values[1], "concurrent_object_pool") == 0) {
        destroy_in<millpond::concurrent_object_pool>();
    } else {
        destroy_in<millpond::object_pool>();
    }
    return 0;
}
