// SPDX-License-Identifier: MIT
#include "trace/site_table.hpp"

#include <algorithm>

namespace millpond::tool {
namespace {

const module_range* find_in(const module_list& list, std::uint64_t address) {
    const auto found =
        std::find_if(list.modules.begin(), list.modules.end(), [&](const module_range& m) {
            return m.first <= address && address <= m.last;
        });
    return found == list.modules.end() ? nullptr : &*found;
}

} // namespace

site_table::site_table(std::vector<module_list> lists)
    : lists_(std::move(lists)) {}

std::uint32_t site_table::index_of(std::uint64_t address, std::uint64_t tick) {
    while (current_ + 1 < lists_.size() && lists_[current_ + 1].tick <= tick) {
        current_ += 1;
        known_.clear();
    }
    const std::uint64_t key = address == 0 ? 1 : address;
    if (const std::uint64_t* const index = known_.find(key)) {
        return static_cast<std::uint32_t>(*index);
    }
    const module_range* const module = module_of(address);
    call_site site;
    site.module = module == nullptr ? std::string() : module->path;
    site.offset = module == nullptr ? address : address - module->base;
    const auto [place, is_new] = indices_.try_emplace(std::pair(site.module, site.offset),
                                                      static_cast<std::uint32_t>(sites_.size()));
    if (is_new) {
        sites_.push_back(std::move(site));
    }
    known_.put(key, place->second);
    return place->second;
}

/// Looks in the current list, then in later ones (a library's own constructors allocate before its
/// list is written), then in earlier ones.
const module_range* site_table::module_of(std::uint64_t address) const {
    for (std::size_t at = current_; at < lists_.size(); ++at) {
        if (const module_range* const found = find_in(lists_[at], address)) {
            return found;
        }
    }
    for (std::size_t at = std::min(current_, lists_.size()); at-- > 0;) {
        if (const module_range* const found = find_in(lists_[at], address)) {
            return found;
        }
    }
    return nullptr;
}

} // namespace millpond::tool
