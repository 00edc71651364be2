// SPDX-License-Identifier: MIT
/// \file
/// Coroutine frames from a resource: a promise whose `operator new` takes the resource among the
/// coroutine's own arguments, and a frame that knows where it came from.

#include "millpond/adapt/concurrent_pool_resource.hpp"
#include "millpond/adapt/pool_resource.hpp"

#include <coroutine>
#include <cstddef>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::pool_resource;

namespace {

/// Gives numbers one by one; its frame is a block of a resource.
template <class Resource>
class generator {
public:
    struct promise_type {
        static void*
        operator new(std::size_t bytes, Resource& resource, int /*first*/, int /*end*/) {
            void* const frame = resource.allocate(bytes + sizeof(Resource*));
            Resource* const origin = &resource;
            std::memcpy(static_cast<std::byte*>(frame) + bytes, &origin, sizeof(Resource*));
            return frame;
        }

        static void operator delete(void* frame, std::size_t bytes) noexcept {
            Resource* origin = nullptr;
            std::memcpy(&origin, static_cast<std::byte*>(frame) + bytes, sizeof(Resource*));
            origin->deallocate(frame, bytes + sizeof(Resource*));
        }

        generator get_return_object() {
            return generator(std::coroutine_handle<promise_type>::from_promise(*this));
        }

        std::suspend_always initial_suspend() noexcept { return {}; }

        std::suspend_always final_suspend() noexcept { return {}; }

        std::suspend_always yield_value(int value) noexcept {
            now = value;
            return {};
        }

        void return_void() noexcept {}

        void unhandled_exception() noexcept { error = std::current_exception(); }

        int now = 0;
        std::exception_ptr error;
    };

    generator(generator&& other) noexcept
        : frame_(std::exchange(other.frame_, nullptr)) {}

    generator(const generator&) = delete;
    generator& operator=(const generator&) = delete;

    ~generator() {
        if (frame_ != nullptr) {
            frame_.destroy();
        }
    }

    /// False when there are no more.
    bool next() {
        frame_.resume();
        if (frame_.promise().error != nullptr) {
            std::rethrow_exception(frame_.promise().error);
        }
        return !frame_.done();
    }

    [[nodiscard]] int now() const { return frame_.promise().now; }

private:
    explicit generator(std::coroutine_handle<promise_type> frame)
        : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

// Not inlined: clang leaves a frame out whose whole life it sees.
template <class Resource>
[[gnu::noinline]] generator<Resource> count_up(Resource& /*frames*/, int first, int end) {
    for (int i = first; i < end; ++i) {
        co_yield i;
    }
}

template <class Resource>
[[gnu::noinline]] generator<Resource> count_and_throw(Resource& /*frames*/, int first, int end) {
    for (int i = first; i < end; ++i) {
        co_yield i;
    }
    throw std::runtime_error("no more");
}

} // namespace

TEST_CASE_TEMPLATE("a coroutine's frame is a block of the resource for as long as it lives",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource;
    {
        auto numbers = count_up(resource, 3, 6);
        CHECK(resource.stats().blocks_live == 1);
        int sum = 0;
        while (numbers.next()) {
            sum += numbers.now();
        }
        CHECK(sum == 3 + 4 + 5);
        CHECK(resource.stats().blocks_live == 1);
    }
    CHECK(resource.stats().blocks_live == 0);
    CHECK(resource.verify());
}

TEST_CASE_TEMPLATE("many coroutines live at once and end in any order",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource;
    {
        std::vector<generator<Resource>> all;
        for (int i = 0; i < 500; ++i) {
            all.push_back(count_up(resource, i, i + 5));
        }
        bool right = true;
        for (int turn = 0; turn < 5; ++turn) {
            for (int i = 0; i < 500; ++i) {
                auto& one = all[static_cast<std::size_t>(i)];
                right = right && one.next() && one.now() == i + turn;
            }
        }
        CHECK(right);
        CHECK(resource.stats().blocks_live == 500);
        CHECK(resource.stats().pools == 1);
    }
    CHECK(resource.stats().blocks_live == 0);
    CHECK(resource.verify());
}

TEST_CASE_TEMPLATE("a frame goes back when its coroutine ends by an exception",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource;
    {
        auto numbers = count_and_throw(resource, 1, 2);
        CHECK(numbers.next());
        CHECK_THROWS_AS((void)numbers.next(), std::runtime_error);
    }
    CHECK(resource.stats().blocks_live == 0);
}

TEST_CASE_TEMPLATE("a coroutine for whose frame there is no room throws and does not begin",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource({.limit_bytes = 16});
    CHECK_THROWS_AS((void)count_up(resource, 1, 2), millpond::pool_exhausted);
    CHECK(resource.stats().bytes_live == 0);
    CHECK(resource.verify());
}
