// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The ways to call a concurrent pool, each as functions that are not inlined: what is measured.

#include "millpond/millpond.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "scenarios.hpp"

namespace millpond::guarantees {

using shared_raw = concurrent_block_pool;
using shared_typed = concurrent_object_pool<payload>;
using lending = recycling_pool<payload>;

/// Raw blocks, through the pool or through a thread's view of it.
template <class Caller>
struct raw_form {
    using handle = void*;
    Caller& caller;

    [[gnu::noinline]] void* try_take() { return caller.try_allocate(); }

    [[gnu::noinline]] void* take() { return caller.allocate(); }

    [[gnu::noinline]] void give(void* block) { caller.deallocate(block); }

    void keep() {}

    handle handle_of(void* block) { return block; }
};

/// Raw blocks, through the form for signal handlers.
struct direct_form {
    using handle = void*;
    shared_raw& caller;

    [[gnu::noinline]] void* try_take() { return caller.try_allocate_direct(); }

    [[gnu::noinline]] void* take() { return caller.try_allocate_direct(); }

    [[gnu::noinline]] void give(void* block) { caller.deallocate_direct(block); }
};

/// Objects, through the pool or through a thread's view of it.
template <class Caller>
struct typed_form {
    using handle = payload*;
    Caller& caller;

    [[gnu::noinline]] void* try_take() { return caller.try_create(); }

    [[gnu::noinline]] void* take() { return caller.create(); }

    [[gnu::noinline]] void give(payload* object) { caller.destroy(object); }

    void keep() {}

    handle handle_of(void* block) { return static_cast<payload*>(block); }
};

/// Leases. The one that was acquired last waits in `last` until it is kept.
struct lending_form {
    using handle = lending::lease*;
    lending& caller;
    alignas(lending::lease) std::array<std::byte, sizeof(lending::lease)> last{};
    void* first = nullptr;
    std::vector<lending::lease> leases{};

    [[gnu::noinline]] void* try_take() {
        return (::new (last.data()) lending::lease(caller.try_acquire()))->get();
    }

    [[gnu::noinline]] void* take() {
        return (::new (last.data()) lending::lease(caller.acquire()))->get();
    }

    [[gnu::noinline]] void give(lending::lease* lease) { lease->release(); }

    /// Leases are found by their object's place.
    void keep() {
        auto* const lease = std::launder(reinterpret_cast<lending::lease*>(last.data()));
        if (*lease) {
            first = first == nullptr ? lease->get() : first;
            *handle_of(lease->get()) = std::move(*lease);
        }
        std::destroy_at(lease);
    }

    handle handle_of(void* object) {
        const auto place =
            static_cast<std::size_t>(static_cast<payload*>(object) - static_cast<payload*>(first));
        if (place >= leases.size()) {
            leases.resize(2 * place + 1);
        }
        return &leases[place];
    }
};

} // namespace millpond::guarantees
