// SPDX-License-Identifier: MIT
/// \file
/// Regions over mapped pages, the heap and the caller's memory.

#include "millpond/memory/region.hpp"

#include "millpond/base/bits.hpp"
#include "millpond/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace {

page_size next_smaller(page_size pages) noexcept {
    return pages == page_size::huge_1gib ? page_size::huge_2mib : page_size::transparent_huge;
}

bool is_explicit(page_size pages) noexcept {
    return pages == page_size::huge_2mib || pages == page_size::huge_1gib;
}

} // namespace

region region::mapped(const mapping_options& options) {
    region result;
    result.source_ = memory_source::mapped;
    result.lock_ = options.lock;
    result.prefault_ = options.prefault;
    result.readable_ = options.readable;
    const auto refuse = [&](os_request request, std::size_t bytes, int error) {
        detail::throw_os_refusal(
            options.name.c_str(), request, bytes, os::page_bytes(options.pages), error);
    };
    for (page_size pages = options.pages;; pages = next_smaller(pages)) {
        // Transparent huge pages need 2 MiB alignment to be joined from the first byte on.
        const std::size_t alignment = pages == page_size::transparent_huge
                                          ? os::page_bytes(page_size::huge_2mib)
                                          : os::page_bytes(pages);
        const std::size_t page = os::page_bytes(pages);
        const std::size_t guard = options.guard_pages ? alignment : 0;
        if (options.bytes > SIZE_MAX / 2 - 3 * alignment) {
            refuse(os_request::reserve, options.bytes, ENOMEM);
        }
        const std::size_t body = detail::round_up(options.bytes, page);
        std::byte* base = nullptr;
        int error = os::reserve(body + 2 * guard, alignment, &base);
        if (error != 0) {
            refuse(os_request::reserve, body + 2 * guard, error);
        }
        result.base_ = base;
        result.base_bytes_ = body + 2 * guard;
        result.data_ = base + guard;
        result.size_ = body;
        result.page_bytes_ = page;
        result.pages_ = pages;
        if (is_explicit(pages)) {
            error = os::back_with_huge_pages(result.data_, body, pages);
        } else if (pages == page_size::transparent_huge) {
            error = os::advise_huge(result.data_, body);
        }
        if (options.readable && (error == 0 || !is_explicit(pages))) {
            if (const int refused = os::make_readable(result.data_, body); refused != 0) {
                refuse(os_request::reserve, body, refused);
            }
        }
        // Named as a whole, once: the name stays with the parts that commits split off.
        os::name(result.data_, body, options.name.c_str());
        if (error == 0) {
            return result;
        }
        if (!options.huge_page_fallback) {
            refuse(os_request::back_with_huge_pages, body, error);
        }
        result.page_size_error_ = error;
        if (!is_explicit(pages)) {
            result.pages_ = page_size::standard; // no transparent huge pages on this kernel
            return result;
        }
        os::release(base, result.base_bytes_);
        result.base_ = nullptr;
    }
}

region region::from_heap(const pool_name& name, std::size_t bytes, std::size_t alignment) {
    if (bytes > SIZE_MAX - alignment) {
        detail::throw_os_refusal(name.c_str(), os_request::allocate_from_heap, bytes, 1, ENOMEM);
    }
    // calloc: large memory comes as fresh zero pages that nobody has to clear.
    void* const memory = std::calloc(1, bytes + alignment - 1);
    if (memory == nullptr) {
        detail::throw_os_refusal(name.c_str(), os_request::allocate_from_heap, bytes, 1, ENOMEM);
    }
    region result;
    result.source_ = memory_source::heap;
    result.base_ = static_cast<std::byte*>(memory);
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    result.data_ = result.base_ + ((alignment - address % alignment) % alignment);
    result.size_ = bytes;
    result.committed_ = bytes;
    result.page_bytes_ = os::page_bytes(page_size::standard);
    return result;
}

region region::borrowed(std::span<std::byte> buffer) noexcept {
    region result;
    result.data_ = buffer.data();
    result.size_ = buffer.size();
    result.committed_ = buffer.size();
    result.page_bytes_ = os::page_bytes(page_size::standard);
    return result;
}

void region::release() noexcept {
    if (base_ != nullptr && source_ == memory_source::mapped) {
        os::release(base_, base_bytes_);
    } else if (base_ != nullptr && source_ == memory_source::heap) {
        std::free(base_);
    }
    base_ = nullptr;
    data_ = nullptr;
    size_ = 0;
    committed_ = 0;
}

memory_options region::kind() const noexcept {
    return {.source = source_,
            .pages = pages_,
            .lock = lock_,
            .guard_pages = source_ == memory_source::mapped && data_ != base_};
}

int region::commit(std::size_t bytes) noexcept {
    const std::size_t target = std::min(detail::round_up(bytes, page_bytes_), size_);
    if (target <= committed_) {
        return bytes <= size_ ? 0 : ENOMEM;
    }
    const int error = commit(committed_, target);
    committed_ = error == 0 ? target : committed_;
    return error;
}

int region::commit(std::size_t first, std::size_t end) noexcept {
    std::byte* const place = data_ + first;
    int error = os::commit(place, end - first);
    if (error == 0 && lock_) {
        error = os::lock(place, end - first);
    }
    if (error == 0 && prefault_) {
        error = os::populate(place, end - first);
    }
    if (error != 0) {
        os::decommit(place, end - first, readable_);
    }
    return error;
}

void region::commit_or_throw(const pool_name& name, std::size_t bytes) {
    if (const int error = commit(bytes); error != 0) {
        detail::throw_os_refusal(name.c_str(), commit_request(), bytes, page_bytes_, error);
    }
}

std::size_t region::discard(std::size_t first, std::size_t end) noexcept {
    if (source_ != memory_source::mapped || lock_) {
        return 0;
    }
    const std::size_t start = detail::round_up(first, page_bytes_);
    const std::size_t stop = std::min(end, size_) & ~(page_bytes_ - 1);
    if (start >= stop) {
        return 0;
    }
    const std::size_t resident = os::resident_bytes(data_ + start, stop - start);
    if (resident == 0 || os::discard(data_ + start, stop - start) != 0) {
        return 0;
    }
    return resident;
}

void region::swap(region& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(committed_, other.committed_);
    std::swap(base_, other.base_);
    std::swap(base_bytes_, other.base_bytes_);
    std::swap(page_bytes_, other.page_bytes_);
    std::swap(page_size_error_, other.page_size_error_);
    std::swap(pages_, other.pages_);
    std::swap(source_, other.source_);
    std::swap(lock_, other.lock_);
    std::swap(prefault_, other.prefault_);
    std::swap(readable_, other.readable_);
}

MILLPOND_NAMESPACE_END
