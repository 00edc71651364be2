// SPDX-License-Identifier: MIT
/// \file
/// The pools whose shared owners are measured.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "shared_scenarios.hpp"
#include "subjects.hpp"

namespace millpond::guarantees {

/// As large as a payload, and its own only shared owner until that is taken away.
struct self_owned {
    std::shared_ptr<self_owned> self;
    std::array<std::uint64_t, 4> words;

    /// Makes one in a pool; what is measured includes a move of the owner.
    template <class Pool>
    static self_owned* make(Pool& pool) {
        std::shared_ptr<self_owned> owner = pool.make_shared();
        self_owned* const object = owner.get();
        object->self = std::move(owner);
        return object;
    }

    /// Takes its last owner away.
    void disown() noexcept { const std::shared_ptr<self_owned> last = std::move(self); }
};

static_assert(sizeof(self_owned) == sizeof(payload));

/// Objects of one thread that come and go with their shared owners.
template <>
struct operations<object_pool<self_owned>> {
    using object = self_owned;
    using pool = object_pool<self_owned>;

    [[gnu::noinline]] static object* try_take(pool& from) { return object::make(from); }

    [[gnu::noinline]] static object* take(pool& from) { return object::make(from); }

    [[gnu::noinline]] static void give(pool& /*to*/, object* block) { block->disown(); }
};

namespace {

/// The same of any thread.
struct sharing_form {
    using handle = self_owned*;
    concurrent_object_pool<self_owned>& caller;
    std::size_t most = caller.stats().blocks;
    std::size_t live = 0;

    /// Makes none when there is no room. The exception is never what is measured: there, `live` tells.
    [[gnu::noinline]] void* try_take() {
        if (live == most) {
            return nullptr;
        }
        try {
            self_owned* const made = self_owned::make(caller);
            ++live;
            return made;
        } catch (const pool_exhausted&) {
            return nullptr; // what is left is kept by another thread
        }
    }

    [[gnu::noinline]] void* take() { return try_take(); }

    [[gnu::noinline]] void give(self_owned* object) {
        --live;
        object->disown();
    }

    void keep() {}

    handle handle_of(void* block) { return static_cast<self_owned*>(block); }
};

} // namespace

void shared_owner_scenarios() {
    {
        object_pool<self_owned> pool(
            {.name = "objects", .capacity = 4096, .max_capacity = most_levels});
        pool.reserve_shared();
        scenarios<object_pool<self_owned>> run(pool,
                                               {"object_pool::make_shared",
                                                "object_pool::make_shared",
                                                "the last shared owner, object_pool",
                                                "",
                                                ""});
        run.single_calls();
    }
    concurrent_object_pool<self_owned> pool(
        {.name = "shared", .capacity = four_levels, .threads = seats});
    pool.reserve_shared();
    sharing_form form{pool};
    shared_scenarios(form,
                     four_levels,
                     {"concurrent_object_pool::make_shared",
                      "concurrent_object_pool::make_shared",
                      "the last shared owner, concurrent_object_pool"})
        .run();
}

} // namespace millpond::guarantees
