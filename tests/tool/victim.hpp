// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Small programs that are recorded, each for one question. A program counts by the sizes it asks
/// for: 7000 to 7999 are its own, anything else belongs to the libraries under it.

namespace victim {

/// Keeps the compiler from seeing through an allocation.
inline void* volatile sink;

int heap(const char* mode);
int threads(const char* mode);
int processes(const char* mode, char** argv);

/// What a `heap`, `threads` or `processes` returns for a mode that is not its own.
inline constexpr int not_mine = -1;

} // namespace victim
