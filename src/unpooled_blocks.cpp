// SPDX-License-Identifier: MIT
/// \file
/// The records of blocks from upstream.

#include "millpond/base/config.hpp"

#if MILLPOND_HAS_MEMORY_RESOURCE

#    include "millpond/adapt/unpooled_blocks.hpp"
#    include "millpond/base/error.hpp"

#    include <map>
#    include <memory>
#    include <new>
#    include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// Records in pages of their own, in 64 MiB of address space; those beyond come from the upstream.
constexpr std::size_t records_most = std::size_t{1} << 20;
constexpr std::size_t least_record_bytes = std::size_t{64} << 10;

} // namespace

struct unpooled_blocks::records {
    std::pmr::map<void*, request> by_address;
};

void* record_memory::do_allocate(std::size_t bytes, std::size_t alignment) {
    if (!pages_ && !is_refused_) {
        is_refused_ = !attempt([&] {
            pool_layout layout = pool::adapted(
                pool_layout::checked(name_, record_bytes, record_bytes, 1, records_most, false));
            layout.growth_bytes = least_record_bytes;
            pages_.emplace(name_, name_, layout, memory_options{});
        });
    }
    const bool fits = bytes <= record_bytes && alignment <= record_bytes;
    void* const record = pages_ && fits ? pages_->try_allocate() : nullptr;
    return record != nullptr ? record : upstream_->allocate(bytes, alignment);
}

void record_memory::do_deallocate(void* record, std::size_t bytes, std::size_t alignment) {
    if (pages_ && pages_->owns(record)) {
        pages_->deallocate(record);
    } else {
        upstream_->deallocate(record, bytes, alignment);
    }
}

bool record_memory::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
    return this == &other;
}

void record_memory::release() noexcept {
    if (pages_) {
        pages_->retire();
        pages_.reset();
    }
    is_refused_ = false;
}

void* unpooled_blocks::allocate(request asked) {
    if (records_ == nullptr) {
        void* const place = memory_.allocate(sizeof(records), alignof(records));
        records_ = ::new (place) records{std::pmr::map<void*, request>(&memory_)};
    }
    // The record comes first: what can fail has failed before there is a block to lose.
    auto& all = records_->by_address;
    auto record = all.extract(all.emplace(nullptr, asked).first);
    record.key() = upstream()->allocate(asked.bytes, asked.alignment);
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
    upstream()->deallocate(block, asked.bytes, asked.alignment);
    return true;
}

void unpooled_blocks::release() noexcept {
    if (records_ == nullptr) {
        return;
    }
    for (const auto& [block, asked] : records_->by_address) {
        upstream()->deallocate(block, asked.bytes, asked.alignment);
    }
    std::destroy_at(records_);
    memory_.deallocate(records_, sizeof(records), alignof(records));
    memory_.release();
    records_ = nullptr;
    bytes_ = 0;
}

std::size_t unpooled_blocks::size() const noexcept {
    return records_ == nullptr ? 0 : records_->by_address.size();
}

} // namespace detail

MILLPOND_NAMESPACE_END

#endif
