// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Instantiates the patterns about containers for one source of memory.
///
/// A source is a class with
///
///     using allocator_type = ...;        // a standard allocator of std::byte
///     allocator_type allocator();        // which allocates from this source
///
/// and, where the library has it, `trim()`, which gives free memory back to the system. A floor, which
/// takes nothing back, has `rewind()` instead, which is called when nothing is live.

#include <stdexcept>

#include "patterns/container.hpp"
#include "patterns/json_document.hpp"
#include "patterns/mixed_sizes.hpp"
#include "task.hpp"

namespace millpond::bench {

/// Those with a block for each element.
template <class Source>
outcome run_node_containers(Source& source, const task& asked) {
    switch (asked.what) {
    case pattern::list:
        return measure_container<list_elements>(source, asked);
    case pattern::forward_list:
        return measure_container<forward_list_elements>(source, asked);
    case pattern::map:
        return measure_container<map_elements>(source, asked);
    case pattern::set:
        return measure_container<set_elements>(source, asked);
    case pattern::unordered_map:
        return measure_container<unordered_map_elements>(source, asked);
    default:
        throw std::invalid_argument("this contender does not run this pattern");
    }
}

/// All of them.
template <class Source>
outcome run_containers(Source& source, const task& asked) {
    switch (asked.what) {
    case pattern::mixed_sizes:
        return measure_mixed_sizes(source, asked);
    case pattern::json_document:
        return measure_json_document(source, asked);
    default:
        return run_node_containers(source, asked);
    }
}

/// On a source that needs nothing to be made.
template <class Source>
outcome run_containers_of(const task& asked) {
    Source source;
    return run_containers(source, asked);
}

/// For a contender that takes part with raw blocks and in containers.
template <outcome (*Blocks)(const task&), outcome (*Containers)(const task&)>
outcome run_either(const task& asked) {
    return asked.block_bytes == 0 ? Containers(asked) : Blocks(asked);
}

} // namespace millpond::bench
