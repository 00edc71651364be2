// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Everything. Include single headers from millpond/pool/ where compile time matters.

#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/arena.hpp"
#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/concurrent_block_pool.hpp"
#include "millpond/pool/concurrent_object_pool.hpp"
#include "millpond/pool/frame_arena.hpp"
#include "millpond/pool/handle.hpp"
#include "millpond/pool/handle_pool.hpp"
#include "millpond/pool/object_pool.hpp"
#include "millpond/pool/recycling_pool.hpp"
#include "millpond/pool/static_pool.hpp"

#if MILLPOND_HAS_MEMORY_RESOURCE
#    include "millpond/adapt/allocate_unique.hpp"
#    include "millpond/adapt/arena_resource.hpp"
#    include "millpond/adapt/concurrent_pool_resource.hpp"
#    include "millpond/adapt/pool_allocator.hpp"
#    include "millpond/adapt/pool_resource.hpp"
#endif
