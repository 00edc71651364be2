// SPDX-License-Identifier: MIT
/// \file
/// Containers that people already have, in pools: as std::pmr resource, as allocator, and for any thread.

#include <millpond/millpond.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <memory_resource>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

int main() {
    millpond::pool_resource sizes({.name = "messages", .limit_bytes = 64 << 20});
    {
        std::pmr::unordered_map<int, std::pmr::string> words(&sizes);
        for (int i = 0; i < 1000; ++i) {
            words.emplace(i, "a string that is too long to live inside of itself");
        }

        using node = std::pair<const int, double>;
        std::map<int, double, std::less<>, millpond::pool_allocator<node>> prices(&sizes);
        for (int i = 0; i < 1000; ++i) {
            prices.emplace(i, i * 0.5);
        }
        const auto shared =
            std::allocate_shared<double>(millpond::pool_allocator<double>(&sizes), prices.at(7));

        const millpond::pool_resource_stats now = sizes.stats();
        std::printf("%.1f: %zu blocks live, %zu of them from upstream\n",
                    *shared,
                    now.blocks_live + now.unpooled_live,
                    now.unpooled_live);
    }
    std::printf("%zu live when the containers are gone\n", sizes.stats().blocks_live);

    millpond::concurrent_pool_resource anyone({.name = "lines"});
    std::pmr::vector<std::pmr::string> lines(&anyone);
    std::thread([&lines] {
        for (int i = 0; i < 100; ++i) {
            lines.emplace_back("written by one thread, freed by another one");
        }
    }).join();
    lines.clear();
    std::printf("%zu live after that\n", anyone.stats_of(44, 1).live);
}
