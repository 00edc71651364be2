// SPDX-License-Identifier: MIT
/// \file
/// The concurrent pools whose calls are measured.

#include <barrier>
#include <thread>
#include <vector>

#include "shared_scenarios.hpp"
#include "subjects.hpp"

namespace millpond::guarantees {

namespace {

shared_raw make_shared_blocks(millpond::free_check check) {
    return shared_raw({.name = "shared",
                       .block_bytes = sizeof(payload),
                       .capacity = five_levels,
                       .threads = seats,
                       .check = check,
                       .leaks = millpond::leak_policy::ignore});
}

/// A thread's first call of a pool, while all other seats but the last are taken.
void first_calls() {
    constexpr std::size_t threads = 64;
    shared_raw pool({.name = "shared", .block_bytes = 64, .capacity = 100'000, .threads = threads});
    raw_form<shared_raw> form{pool};
    std::barrier meet(threads);
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) {
        others.emplace_back([&] {
            (void)pool.local();
            meet.arrive_and_wait(); // all have a seat
            meet.arrive_and_wait(); // the call was measured
        });
    }
    meet.arrive_and_wait();
    announce("a thread's first call of a pool", "63 of 64 seats are taken");
    mark();
    void* const block = form.try_take();
    mark();
    form.give(block);
    meet.arrive_and_wait();
}

void concurrent_block_pool_scenarios() {
    {
        shared_raw pool = make_shared_blocks(millpond::free_check::fast);
        void* const first = pool.allocate();
        pool.deallocate_direct(first);
        raw_form<shared_raw> form{pool};
        shared_scenarios(form,
                         five_levels,
                         {"concurrent_block_pool::try_allocate",
                          "concurrent_block_pool::allocate",
                          "concurrent_block_pool::deallocate"})
            .run();
        raw_scenarios(pool, first).run();
    }
    {
        shared_raw pool = make_shared_blocks(millpond::free_check::fast);
        shared_raw::local_view view = pool.local();
        raw_form<shared_raw::local_view> form{view};
        shared_scenarios(form,
                         five_levels,
                         {"concurrent_block_pool::local_view::try_allocate",
                          "concurrent_block_pool::local_view::allocate",
                          "concurrent_block_pool::local_view::deallocate"})
            .run();
    }
    shared_raw pool = make_shared_blocks(millpond::free_check::exact);
    raw_form<shared_raw> form{pool};
    shared_scenarios(form,
                     five_levels,
                     {"concurrent_block_pool::try_allocate",
                      "concurrent_block_pool::allocate",
                      "concurrent_block_pool::deallocate, free_check::exact"})
        .run();
}

void concurrent_object_pool_scenarios() {
    {
        shared_typed pool({.name = "shared", .capacity = four_levels, .threads = seats});
        typed_form<shared_typed> form{pool};
        shared_scenarios(form,
                         four_levels,
                         {"concurrent_object_pool::try_create",
                          "concurrent_object_pool::create",
                          "concurrent_object_pool::destroy"})
            .run();
    }
    {
        shared_typed pool({.name = "shared", .capacity = four_levels, .threads = seats});
        shared_typed::local_view view = pool.local();
        typed_form<shared_typed::local_view> form{view};
        shared_scenarios(form,
                         four_levels,
                         {"concurrent_object_pool::local_view::try_create",
                          "concurrent_object_pool::local_view::create",
                          "concurrent_object_pool::local_view::destroy"})
            .run();
    }
    lending pool({.name = "shared", .capacity = four_levels, .threads = seats});
    lending_form form{pool};
    shared_scenarios(form,
                     four_levels,
                     {"recycling_pool::try_acquire",
                      "recycling_pool::acquire",
                      "recycling_pool::lease::release"})
        .run();
}

} // namespace

void concurrent_pool_scenarios() {
    concurrent_block_pool_scenarios();
    concurrent_object_pool_scenarios();
    first_calls();
}

} // namespace millpond::guarantees
