// SPDX-License-Identifier: MIT
/// \file
/// operator new and operator delete. The C++ library's own would call malloc and be recorded there,
/// but with themselves as the call site; these record the site that matters and save a call. A
/// program that defines its own operators keeps them, and is recorded where they call malloc.
///
/// Only when memory runs out is the C++ library's operator called: it knows the new-handler and how
/// to throw.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "record/interpose.hpp"
#include <dlfcn.h>

using namespace millpond::tool; // the replaced functions live in the global namespace

#define MILLPOND_OPERATOR __attribute__((visibility("default"), noinline))

namespace {

constexpr std::nothrow_t nothrow_tag{}; // std::nothrow itself lives in the C++ library

/// The C++ library's definition of an operator, by its linker name. The library may have been
/// loaded by a plug-in and then be invisible from here, hence the second look.
template <typename Function>
Function library_operator(const char* name) {
    void* found = dlsym(RTLD_NEXT, name);
    static constexpr const char* libraries[] = {"libstdc++.so.6", "libc++.so.1"};
    for (std::size_t i = 0; i < 2 && found == nullptr; ++i) {
        if (void* const library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD)) {
            found = dlsym(library, name);
            dlclose(library);
        }
    }
    if (found == nullptr) {
        abort(); // out of memory, and nobody there who could throw
    }
    Function function = nullptr;
    std::memcpy(&function, &found, sizeof found);
    return function;
}

void* out_of_memory(std::size_t size) {
    return library_operator<void* (*)(std::size_t)>("_Znwm")(size);
}

void* out_of_memory(std::size_t size, std::align_val_t alignment) {
    return library_operator<void* (*)(std::size_t, std::align_val_t)>("_ZnwmSt11align_val_t")(
        size, alignment);
}

void* out_of_memory_quietly(std::size_t size) {
    return library_operator<void* (*)(std::size_t, const std::nothrow_t&)>("_ZnwmRKSt9nothrow_t")(
        size, nothrow_tag);
}

void* out_of_memory_quietly(std::size_t size, std::align_val_t alignment) {
    return library_operator<void* (*)(std::size_t, std::align_val_t, const std::nothrow_t&)>(
        "_ZnwmSt11align_val_tRKSt9nothrow_t")(size, alignment, nothrow_tag);
}

/// As the C++ library does it: the size rounded up to the alignment, as aligned_alloc wants it.
void* allocate_aligned(std::size_t size, std::align_val_t alignment, std::uintptr_t site) {
    const auto bytes = static_cast<std::size_t>(alignment);
    const std::size_t rounded = ((size == 0 ? 1 : size) + bytes - 1) & ~(bytes - 1);
    if (rounded < size || !inside::find_heap() || inside::heap.aligned_alloc == nullptr) {
        return nullptr;
    }
    return inside::recorded(
        inside::heap.aligned_alloc(bytes, rounded), size, site, raw_allocate_aligned, bytes);
}

} // namespace

MILLPOND_OPERATOR void* operator new(std::size_t size) {
    void* const p = inside::allocate(size, MILLPOND_CALLER);
    return __builtin_expect(p != nullptr, 1) ? p : out_of_memory(size);
}

MILLPOND_OPERATOR void* operator new[](std::size_t size) {
    void* const p = inside::allocate(size, MILLPOND_CALLER);
    return __builtin_expect(p != nullptr, 1) ? p : out_of_memory(size);
}

MILLPOND_OPERATOR void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    void* const p = inside::allocate(size, MILLPOND_CALLER);
    return __builtin_expect(p != nullptr, 1) ? p : out_of_memory_quietly(size);
}

MILLPOND_OPERATOR void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    void* const p = inside::allocate(size, MILLPOND_CALLER);
    return __builtin_expect(p != nullptr, 1) ? p : out_of_memory_quietly(size);
}

MILLPOND_OPERATOR void* operator new(std::size_t size, std::align_val_t alignment) {
    void* const p = allocate_aligned(size, alignment, MILLPOND_CALLER);
    return __builtin_expect(p != nullptr, 1) ? p : out_of_memory(size, alignment);
}

MILLPOND_OPERATOR void* operator new[](std::size_t size, std::align_val_t alignment) {
    void* const p = allocate_aligned(size, alignment, MILLPOND_CALLER);
    return __builtin_expect(p != nullptr, 1) ? p : out_of_memory(size, alignment);
}

MILLPOND_OPERATOR void*
operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    void* const p = allocate_aligned(size, alignment, MILLPOND_CALLER);
    return __builtin_expect(p != nullptr, 1) ? p : out_of_memory_quietly(size, alignment);
}

MILLPOND_OPERATOR void*
operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    void* const p = allocate_aligned(size, alignment, MILLPOND_CALLER);
    return __builtin_expect(p != nullptr, 1) ? p : out_of_memory_quietly(size, alignment);
}

// Every form of delete gives the block back to the same heap.
MILLPOND_OPERATOR void operator delete(void* p) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete[](void* p) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete(void* p, std::size_t) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete[](void* p, std::size_t) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete(void* p, const std::nothrow_t&) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete[](void* p, const std::nothrow_t&) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete(void* p, std::align_val_t) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete[](void* p, std::align_val_t) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
    inside::release(p, MILLPOND_CALLER);
}

MILLPOND_OPERATOR void
operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept {
    inside::release(p, MILLPOND_CALLER);
}
