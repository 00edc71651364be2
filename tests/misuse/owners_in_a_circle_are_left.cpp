// SPDX-License-Identifier: MIT
/// \file
/// Objects that own each other in a circle, so that nothing else would ever destroy them, go with their pool, each once.
//
// class: pool destroyed with live blocks
// pools: object_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing
// destroys: 2

#include "owners.hpp"

namespace {

// Says on standard output when it is destroyed.
struct bead {
    bead() noexcept = default;
    bead(const bead&) = delete;
    bead& operator=(const bead&) = delete;

    ~bead() { misuse::note("destroyed", this); }

    std::shared_ptr<bead> other;
};

template <class Pool>
int leave_a_circle(Pool&& pool) {
    const std::shared_ptr<bead> one = pool.make_shared();
    one->other = pool.make_shared();
    one->other->other = one;
    return 0;
}

} // namespace

int main(int count, char** values) {
    if (count == 2 && std::strcmp(values[1], "concurrent_object_pool") == 0) {
        return leave_a_circle(
            millpond::concurrent_object_pool<bead>({.name = "victim", .capacity = 10}));
    }
    return leave_a_circle(millpond::object_pool<bead>({.name = "victim", .capacity = 10}));
}
