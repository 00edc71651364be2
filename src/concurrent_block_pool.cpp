// SPDX-License-Identifier: MIT
/// \file
/// The parts of concurrent_block_pool that are not on the hot path.

#include "millpond/pool/concurrent_block_pool.hpp"

MILLPOND_NAMESPACE_BEGIN

concurrent_block_pool::concurrent_block_pool(const concurrent_block_pool_options& options)
    : core_(options.name, layout(options), options.check, options.memory)
    , alignment_(layout(options).blocks.alignment)
    , leaks_(options.leaks) {}

concurrent_block_pool::~concurrent_block_pool() {
    core_.leave_threads();
    const std::size_t live = leaks_ == leak_policy::ignore || !checked_build ? 0 : size_estimate();
    if (live != 0 && leaks_ == leak_policy::stop) {
        detail::stop_on_leak(name(), live, block_bytes());
    }
    if (live != 0) {
        detail::report_leak(name(), live, block_bytes());
    }
    core_.retire();
}

concurrent_block_pool::local_view concurrent_block_pool::local() noexcept {
    return {core_, core_.join()};
}

void concurrent_block_pool::allocate_bulk(std::span<void*> out) {
    const std::size_t count = try_allocate_bulk(out);
    if (count != out.size()) {
        deallocate_bulk(out.first(count));
        core_.throw_full();
    }
}

concurrent_block_pool::reservation concurrent_block_pool::reserve_tokens(std::size_t blocks) {
    if (!core_.reserve(blocks)) {
        core_.throw_full();
    }
    return {core_, blocks};
}

std::optional<concurrent_block_pool::reservation>
concurrent_block_pool::try_reserve_tokens(std::size_t blocks) noexcept {
    if (!core_.reserve(blocks)) {
        return std::nullopt;
    }
    return reservation(core_, blocks);
}

MILLPOND_NAMESPACE_END
