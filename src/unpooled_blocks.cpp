// SPDX-License-Identifier: MIT
/// \file
/// The record of blocks from upstream.

#include "millpond/base/config.hpp"

#if MILLPOND_HAS_MEMORY_RESOURCE

#    include "millpond/adapt/unpooled_blocks.hpp"

#    include <map>
#    include <memory>
#    include <new>
#    include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

struct unpooled_blocks::records {
    std::pmr::map<void*, request> by_address;
};

void* unpooled_blocks::allocate(request asked) {
    if (records_ == nullptr) {
        void* const place = upstream_->allocate(sizeof(records), alignof(records));
        records_ = ::new (place) records{std::pmr::map<void*, request>(upstream_)};
    }
    // The record first: what can fail has failed before there is a block to lose.
    auto& all = records_->by_address;
    auto record = all.extract(all.emplace(nullptr, asked).first);
    record.key() = upstream_->allocate(asked.bytes, asked.alignment);
    bytes_ += asked.bytes;
    return all.insert(std::move(record)).position->first;
}

bool unpooled_blocks::deallocate(void* block, request asked, misuse_report& report) noexcept {
    if (records_ == nullptr) {
        return false;
    }
    const auto found = records_->by_address.find(block);
    if (found == records_->by_address.end()) {
        return false;
    }
    if (checked_build && found->second != asked) {
        report.reason = misuse::wrong_size;
        report.block_bytes = found->second.bytes;
        return false;
    }
    records_->by_address.erase(found);
    bytes_ -= asked.bytes;
    upstream_->deallocate(block, asked.bytes, asked.alignment);
    return true;
}

void unpooled_blocks::release() noexcept {
    if (records_ == nullptr) {
        return;
    }
    for (const auto& [block, asked] : records_->by_address) {
        upstream_->deallocate(block, asked.bytes, asked.alignment);
    }
    std::destroy_at(records_);
    upstream_->deallocate(records_, sizeof(records), alignof(records));
    records_ = nullptr;
    bytes_ = 0;
}

std::size_t unpooled_blocks::size() const noexcept {
    return records_ == nullptr ? 0 : records_->by_address.size();
}

} // namespace detail

MILLPOND_NAMESPACE_END

#endif
