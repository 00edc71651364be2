// SPDX-License-Identifier: MIT
/// \file
/// An object that its pool's end has destroyed, and that the destructor of its owner destroys again, is left alone.
//
// class: pool destroyed with live blocks
// pools: object_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing
// destroys: 2

#include "victim.hpp"

namespace {

template <template <class> class Pool>
struct owner {
    explicit owner(Pool<owner>* home)
        : pool(home) {}

    owner(const owner&) = delete;
    owner& operator=(const owner&) = delete;

    ~owner() {
        misuse::note("destroyed", this);
        if (owned != nullptr) {
            pool->destroy(owned);
        }
    }

    Pool<owner>* pool;
    owner* owned = nullptr;
};

template <template <class> class Pool>
void leave_in() {
    Pool<owner<Pool>> pool({.name = "victim", .capacity = 10});
    owner<Pool>* const lower = pool.create(&pool);
    pool.create(&pool)->owned = lower;
}

} // namespace

int main(int count, char** values) {
    if (count == 2 && std::strcmp(values[1], "concurrent_object_pool") == 0) {
        leave_in<millpond::concurrent_object_pool>();
    } else {
        leave_in<millpond::object_pool>();
    }
    return 0;
}
