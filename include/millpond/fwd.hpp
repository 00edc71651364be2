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
class arena;
class frame_arena;
class arena_resource;
struct arena_options;
struct bytes_wanted;
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
class pool_resource;
class concurrent_pool_resource;
struct pool_resource_options;
struct pool_resource_stats;
struct handle_pool_options;
struct handle_pool_stats;
template <class T>
class object_pool;
template <class T>
class concurrent_object_pool;
template <class T, class Reset>
class recycling_pool;
template <class T, class Resource>
class pool_allocator;
template <class T>
class handle;
template <class T>
class handle_pool;
template <std::size_t Bytes, std::size_t N, std::size_t Alignment>
class static_block_pool;
template <class T, std::size_t N>
class static_object_pool;
template <class Pool>
class pool_deleter;
template <class Allocator>
class allocation_deleter;

MILLPOND_NAMESPACE_END
