// SPDX-License-Identifier: MIT
/// \file
/// Asio's handlers from a pool: a handler that names an allocator gets all the memory of its operation from
/// there. Without that, each asynchronous wait is a call of the heap.

#include <millpond/millpond.hpp>

#include <chrono>
#include <cstdio>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

/// A handler with an allocator, as Asio looks for one.
template <class Handler>
struct pooled {
    using allocator_type = millpond::concurrent_pool_allocator<std::byte>;

    allocator_type get_allocator() const noexcept { return &resource; }

    template <class... Arguments>
    void operator()(Arguments&&... arguments) {
        handler(std::forward<Arguments>(arguments)...);
    }

    millpond::concurrent_pool_resource& resource;
    Handler handler;
};

int main() {
    millpond::concurrent_pool_resource operations({.name = "handlers"});
    boost::asio::io_context context;
    boost::asio::steady_timer timer(context);
    int ticks = 0;
    std::size_t most_live = 0;

    const auto wait = [&](auto& self) -> void {
        timer.expires_after(std::chrono::microseconds(100));
        const auto tick = [&](const boost::system::error_code&) {
            if (++ticks < 5) {
                self(self);
            }
        };
        timer.async_wait(pooled<decltype(tick)>{operations, tick});
        const std::size_t live = operations.stats().blocks_live;
        most_live = live > most_live ? live : most_live;
    };
    wait(wait);
    context.run();
    std::printf("%d ticks, %zu operation live at a time\n", ticks, most_live);
    std::printf("%zu live at the end\n", operations.stats().blocks_live);
}
