// SPDX-License-Identifier: MIT
/// \file
/// A constructor that rewinds its arena past the object that it constructs stops the program before a destructor is noted that would run on somebody else's bytes.
//
// class: rewind inside a constructor
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': object at {object}: its constructor rewound the arena past it

#include "arena_victim.hpp"

namespace {

struct selfish {
    explicit selfish(misuse::arena_victim& home) {
        misuse::note("object", this);
        home->clear();
        (void)home->allocate(500);
    }

    selfish(const selfish&) = delete;
    selfish& operator=(const selfish&) = delete;

    ~selfish() { std::puts("destroyed"); }
};

} // namespace

int main() {
    misuse::arena_victim it;
    (void)it->create<selfish>(it);
    return 0;
}
