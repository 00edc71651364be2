// SPDX-License-Identifier: MIT
/// \file
/// The C heap functions as the recorded program calls them.

#include <cerrno>
#include <cstring>

#include "record/interpose.hpp"
#include <unistd.h>

using namespace millpond::tool; // the replaced functions live in the global namespace

namespace {

/// `realloc` of memory that the heap does not know: it has to be copied.
void* leave_stand_in(void* old, std::size_t size, std::uintptr_t site) noexcept {
    void* const p = inside::allocate(size, site);
    if (p != nullptr) {
        const std::size_t had = inside::stand_in_size(old);
        std::memcpy(p, old, had < size ? had : size);
    }
    return p;
}

void* reallocate(void* old, std::size_t size, std::uintptr_t site) noexcept {
    if (old == nullptr) {
        if (!inside::find_heap()) {
            return inside::stand_in_allocate(size);
        }
        return inside::recorded(inside::heap.realloc(nullptr, size), size, site, raw_allocate);
    }
    if (inside::is_stand_in(old)) {
        return leave_stand_in(old, size, site);
    }
    if (!inside::find_heap()) {
        return nullptr;
    }
    if (size == 0) { // a free, as far as the C library goes; other heaps may return a block
        raw_event gone;
        gone.op = raw_free;
        gone.address = inside::address_of(old);
        gone.site = site;
        inside::record(gone);
        return inside::recorded(inside::heap.realloc(old, 0), 0, site, raw_allocate);
    }
    const std::uint64_t old_address = inside::address_of(old);
    void* const p = inside::heap.realloc(old, size);
    if (p != nullptr) {
        raw_event what;
        what.op = raw_reallocate;
        what.size = size;
        what.address = inside::address_of(p);
        what.old_address = old_address;
        what.site = site;
        inside::record(what);
    }
    return p;
}

std::size_t page_size() noexcept {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

MILLPOND_REPLACES void* malloc(std::size_t size) {
    return inside::allocate(size, MILLPOND_CALLER);
}

MILLPOND_REPLACES void free(void* p) {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_REPLACES void* calloc(std::size_t count, std::size_t size) {
    if (!inside::find_heap()) { // the stand-in is zero and never used twice
        return size != 0 && count > SIZE_MAX / size ? nullptr
                                                    : inside::stand_in_allocate(count * size);
    }
    return inside::recorded(
        inside::heap.calloc(count, size), count * size, MILLPOND_CALLER, raw_allocate_zeroed);
}

MILLPOND_REPLACES void* realloc(void* old, std::size_t size) {
    return reallocate(old, size, MILLPOND_CALLER);
}

MILLPOND_REPLACES void* reallocarray(void* old, std::size_t count, std::size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        errno = ENOMEM;
        return nullptr;
    }
    return reallocate(old, count * size, MILLPOND_CALLER);
}

MILLPOND_REPLACES int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
    if (!inside::find_heap() || inside::heap.posix_memalign == nullptr) {
        return ENOMEM;
    }
    const int error = inside::heap.posix_memalign(out, alignment, size);
    if (error == 0) {
        inside::recorded(*out, size, MILLPOND_CALLER, raw_allocate_aligned, alignment);
    }
    return error;
}

MILLPOND_REPLACES void* aligned_alloc(std::size_t alignment, std::size_t size) {
    if (!inside::find_heap() || inside::heap.aligned_alloc == nullptr) {
        errno = ENOMEM;
        return nullptr;
    }
    return inside::recorded(inside::heap.aligned_alloc(alignment, size),
                            size,
                            MILLPOND_CALLER,
                            raw_allocate_aligned,
                            alignment);
}

MILLPOND_REPLACES void* memalign(std::size_t alignment, std::size_t size) {
    if (!inside::find_heap() || inside::heap.memalign == nullptr) {
        errno = ENOMEM;
        return nullptr;
    }
    return inside::recorded(inside::heap.memalign(alignment, size),
                            size,
                            MILLPOND_CALLER,
                            raw_allocate_aligned,
                            alignment);
}

MILLPOND_REPLACES void* valloc(std::size_t size) {
    if (!inside::find_heap() || inside::heap.valloc == nullptr) {
        errno = ENOMEM;
        return nullptr;
    }
    return inside::recorded(
        inside::heap.valloc(size), size, MILLPOND_CALLER, raw_allocate_aligned, page_size());
}

MILLPOND_REPLACES void* pvalloc(std::size_t size) {
    if (!inside::find_heap() || inside::heap.pvalloc == nullptr) {
        errno = ENOMEM;
        return nullptr;
    }
    return inside::recorded(
        inside::heap.pvalloc(size), size, MILLPOND_CALLER, raw_allocate_aligned, page_size());
}

// C23; a C library that lacks them lets nobody call them.
MILLPOND_REPLACES void free_sized(void* p, std::size_t /*size*/) {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_REPLACES void
free_aligned_sized(void* p, std::size_t /*alignment*/, std::size_t /*size*/) {
    inside::release(p, MILLPOND_CALLER);
}

namespace {

/// Also a program that never allocates is part of the recording.
__attribute__((constructor)) void process_begins() {
    inside::find_heap();
    inside::note_bypass();
}

__attribute__((destructor)) void process_exits() {
    inside::set_flag(process_flag::exited);
}

} // namespace
