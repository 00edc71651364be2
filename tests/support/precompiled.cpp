// SPDX-License-Identifier: MIT
/// \file
/// The file that the precompiled header belongs to.
