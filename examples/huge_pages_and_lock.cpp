// SPDX-License-Identifier: MIT
/// \file
/// A pool that never hesitates: huge pages, locked and prefaulted. What the machine does not give is
/// either an error with its reason or a fallback that stats() reports.

#include <millpond/millpond.hpp>

#include <cstdio>
#include <system_error>

struct quote {
    double bid[4];
    double ask[4];
};

const char* name_of(millpond::page_size pages) {
    return pages == millpond::page_size::standard || pages == millpond::page_size::transparent_huge
               ? "fell back"
               : "explicit";
}

int main() {
    const millpond::object_pool_options wanted{.name = "quotes",
                                               .capacity = 10'000,
                                               .prefault = true,
                                               .memory = {.pages = millpond::page_size::huge_2mib}};
    millpond::object_pool<quote> quotes(wanted);
    const millpond::pool_stats now = quotes.stats();
    const bool is_reported = (now.page_size_error == 0) == (name_of(now.pages)[0] == 'e');
    std::printf("what it stands on is reported: %s\n", is_reported ? "yes" : "no");

    millpond::object_pool_options strict = wanted;
    strict.memory.huge_page_fallback = false; // then it is an error
    strict.memory.lock = true;                // and memory that cannot be locked is one
    try {
        const millpond::object_pool<quote> locked(strict);
        std::printf("locked, or refused with a reason: yes\n");
    } catch (const std::system_error& refused) {
        std::printf("locked, or refused with a reason: %s\n", refused.code() ? "yes" : "no");
    }
    quote* const first = quotes.create();
    std::printf("%zu quotes ready, %zu live\n", quotes.capacity(), quotes.size());
    quotes.destroy(first);
}
