// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Turns return addresses into call sites (file and offset), by the lists of mapped files that the
/// recorder wrote whenever the program had loaded or unloaded something.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "trace/address_table.hpp"
#include "trace/trace.hpp"

namespace millpond::tool {

/// A file mapped into the recorded process.
struct module_range {
    std::uint64_t base = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::string path;
};

/// What was mapped from `tick` on, until the next list.
struct module_list {
    std::uint64_t tick = 0;
    std::uint32_t number = 0;
    std::vector<module_range> modules;
};

/// Units:      ticks, addresses.
/// Complexity: O(1) expected per look-up; O(modules) for a site seen first.
/// Errors:     none; an address in no module keeps its number and an empty path.
/// Threads:    one thread at a time.
/// Source:     own design.
class site_table {
public:
    /// `lists` are in order of time.
    explicit site_table(std::vector<module_list> lists);

    /// Index of the site of `address` at `tick`.
    std::uint32_t index_of(std::uint64_t address, std::uint64_t tick);

    [[nodiscard]] std::vector<call_site> take_sites() { return std::move(sites_); }

private:
    [[nodiscard]] const module_range* module_of(std::uint64_t address) const;

    std::vector<module_list> lists_;
    std::size_t current_ = 0;
    address_table known_; // in terms of the current list; address 0 stands at key 1
    std::map<std::pair<std::string, std::uint64_t>, std::uint32_t> indices_;
    std::vector<call_site> sites_;
};

} // namespace millpond::tool
