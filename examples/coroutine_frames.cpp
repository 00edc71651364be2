// SPDX-License-Identifier: MIT
/// \file
/// Coroutine frames from a pool: the promise takes the resource from the coroutine's arguments.

#include <millpond/adapt/pool_resource.hpp>

#include <coroutine>
#include <cstdio>

using resource = millpond::pool_resource;
constexpr std::size_t before = alignof(std::max_align_t); // where a frame keeps its resource

struct counter {
    struct promise_type {
        static void* operator new(std::size_t bytes, resource& frames, int /*from*/) {
            void* const frame = frames.allocate(before + bytes);
            *static_cast<resource**>(frame) = &frames;
            return static_cast<char*>(frame) + before;
        }

        static void operator delete(void* frame, std::size_t bytes) noexcept {
            void* const start = static_cast<char*>(frame) - before;
            (*static_cast<resource**>(start))->deallocate(start, before + bytes);
        }

        counter get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }

        std::suspend_always initial_suspend() noexcept { return {}; }

        std::suspend_always final_suspend() noexcept { return {}; }

        std::suspend_always yield_value(int next) noexcept {
            return value = next, std::suspend_always();
        }

        void unhandled_exception() { throw; }

        int value = 0;
    };

    std::coroutine_handle<promise_type> handle;
};

[[gnu::noinline]] counter count(resource& /*frames*/, int from) { // inlined, it may need no frame
    for (;; ++from) {
        co_yield from;
    }
}

int main() {
    resource frames({.name = "frames"});
    for (const int from : {0, 10, 20}) {
        const counter numbers = count(frames, from);
        numbers.handle.resume();
        std::printf("%d, %zu live\n", numbers.handle.promise().value, frames.stats().blocks_live);
        numbers.handle.destroy();
    }
}
