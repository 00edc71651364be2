// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The public names, declared.

#include "millpond/base/config.hpp"

#include <cstddef>

MILLPOND_NAMESPACE_BEGIN

class region;
class pool_name;
class pool_exhausted;
class block_pool;
struct block_pool_options;
struct object_pool_options;
struct memory_options;
struct mapping_options;
struct pool_stats;
struct verdict;
class concurrent_block_pool;
struct concurrent_block_pool_options;
struct concurrent_object_pool_options;
struct recycling_pool_options;
struct concurrent_pool_stats;
struct handle_pool_options;
struct handle_pool_stats;
template <class T>
class object_pool;
template <class T>
class concurrent_object_pool;
template <class T, class Reset>
class recycling_pool;
template <class T>
class handle;
template <class T>
class handle_pool;
template <std::size_t Bytes, std::size_t N, std::size_t Alignment>
class static_block_pool;
template <class T, std::size_t N>
class static_object_pool;

MILLPOND_NAMESPACE_END
