// SPDX-License-Identifier: MIT
/// \file
/// The record of blocks from upstream.

#include "millpond/adapt/unpooled_blocks.hpp"

#include <map>
#include <memory>
#include <new>
#include <utility>

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

unpooled_blocks::request unpooled_blocks::find(const void* block) const noexcept {
    if (records_ == nullptr) {
        return {};
    }
    const auto found = records_->by_address.find(const_cast<void*>(block));
    return found == records_->by_address.end() ? request{} : found->second;
}

void unpooled_blocks::deallocate(void* block) noexcept {
    const auto found = records_->by_address.find(block);
    const request asked = found->second;
    records_->by_address.erase(found);
    bytes_ -= asked.bytes;
    upstream_->deallocate(block, asked.bytes, asked.alignment);
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
