// SPDX-License-Identifier: MIT
/// \file
/// The parts of block_pool that are not on the hot path.

#include "millpond/pool/block_pool.hpp"

#include "millpond/base/contract.hpp"

MILLPOND_NAMESPACE_BEGIN

block_pool::block_pool(const block_pool_options& options)
    : core_(options.name, options.name, layout(options), options.memory)
    , alignment_(layout(options).alignment)
    , leaks_(options.leaks) {}

block_pool& block_pool::operator=(block_pool&& other) noexcept {
    if (this != &other) {
        finish();
        core_ = static_cast<decltype(core_)&&>(other.core_);
        alignment_ = other.alignment_;
        leaks_ = other.leaks_;
    }
    return *this;
}

block_pool::~block_pool() {
    finish();
    core_.retire();
}

void block_pool::finish() noexcept {
    if (size() == 0 || leaks_ == leak_policy::ignore || !checked_build) {
        return;
    }
    if (leaks_ == leak_policy::stop) {
        detail::stop_on_leak(name(), size(), block_bytes());
    }
    detail::report_leak(name(), size(), block_bytes());
}

void block_pool::allocate_bulk(std::span<void*> out) {
    if (!core_.can_allocate(out.size())) {
        throw_full();
    }
    (void)core_.try_allocate_bulk(out);
}

void block_pool::reserve(std::size_t blocks) {
    detail::reserve_or_throw(core_.storage(), name(), blocks, high_water());
}

bool block_pool::try_reserve(std::size_t blocks) noexcept {
    return detail::try_reserve(core_.storage(), blocks);
}

void block_pool::throw_full() const {
    detail::throw_exhausted(name(), capacity(), high_water(), core_.storage().growth_error());
}

MILLPOND_NAMESPACE_END
