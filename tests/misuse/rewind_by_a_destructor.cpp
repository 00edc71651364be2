// SPDX-License-Identifier: MIT
/// \file
/// A destructor that rewinds its arena past what is being destroyed stops the program before anything is destroyed twice.
//
// class: rewind inside a rewind
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind to {mark}: by a destructor that a rewind runs, past what it destroys

#include "arena_victim.hpp"

namespace {

struct clearing {
    explicit clearing(misuse::arena_victim& place)
        : home(&place) {}

    clearing(const clearing&) = delete;
    clearing& operator=(const clearing&) = delete;

    ~clearing() { (*home)->clear(); }

    misuse::arena_victim* home;
};

} // namespace

int main() {
    misuse::arena_victim it;
    const auto start = it.noted_mark();
    it->rewind(start);
    (void)it->create<misuse::record>();
    (void)it->create<clearing>(it);
    (void)it->create<misuse::record>();
    it->rewind(start);
    return 0;
}
