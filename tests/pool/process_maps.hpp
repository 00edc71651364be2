// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the kernel says of this process's memory.

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace millpond::test {

/// One line of /proc/self/maps.
struct mapping {
    std::uintptr_t first = 0;
    std::uintptr_t end = 0;
    std::string permissions;
    std::string name;
};

inline std::vector<mapping> mappings() {
    std::vector<mapping> result;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        mapping found;
        char dash = 0;
        std::string offset;
        std::string device;
        std::string inode;
        fields >> std::hex >> found.first >> dash >> found.end >> found.permissions >> offset >>
            device >> inode;
        std::getline(fields >> std::ws, found.name);
        result.push_back(found);
    }
    return result;
}

/// The mapping that contains an address; all zero when there is none.
inline mapping mapping_of(const void* address) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    for (const mapping& found : mappings()) {
        if (found.first <= wanted && wanted < found.end) {
            return found;
        }
    }
    return {};
}

/// Bytes of a page-aligned range that are in memory.
inline std::size_t resident_bytes(void* first, std::size_t bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> present((bytes + page - 1) / page);
    if (mincore(first, bytes, present.data()) != 0) {
        return 0;
    }
    std::size_t pages = 0;
    for (const unsigned char flags : present) {
        pages += flags & 1U;
    }
    return pages * page;
}

} // namespace millpond::test
