// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Whether memory is as it was filled: a comparison with itself, one byte on, is quick in every build.

#include <cstddef>
#include <cstring>

namespace millpond::test {

/// True when every byte has this value.
inline bool is_filled_with(unsigned char value, const void* memory, std::size_t bytes) {
    const auto* const begin = static_cast<const unsigned char*>(memory);
    return bytes == 0 || (*begin == value && std::memcmp(begin, begin + 1, bytes - 1) == 0);
}

} // namespace millpond::test
