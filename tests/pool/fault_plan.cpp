// SPDX-License-Identifier: MIT
/// \file
/// The wrappers of fault_plan.hpp.

#include "fault_plan.hpp"

#include <cerrno>

#include <sys/mman.h>

using millpond::test::plan;

bool millpond::test::fault_plan::fails_now() {
    if (!armed || (met && !lasts) || (!met && calls_before_failure-- > 0)) {
        return false;
    }
    met = true;
    ++failures;
    errno = ENOMEM;
    return true;
}

extern "C" {
// The names are the linker's: --wrap=mmap sends calls of mmap to __wrap_mmap.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __real_mmap(void* address, std::size_t bytes, int rights, int flags, int file, off_t offset);
int __real_munmap(void* address, std::size_t bytes);
int __real_mprotect(void* address, std::size_t bytes, int rights);
int __real_madvise(void* address, std::size_t bytes, int advice);
int __real_mlock(const void* address, std::size_t bytes);
void* __real_calloc(std::size_t count, std::size_t bytes);
void __real_free(void* block);

void* __wrap_mmap(void* address, std::size_t bytes, int rights, int flags, int file, off_t offset) {
    if (plan.fails_now()) {
        return MAP_FAILED;
    }
    void* const mapping = __real_mmap(address, bytes, rights, flags, file, offset);
    if (plan.armed && mapping != MAP_FAILED && (flags & MAP_FIXED) == 0) {
        plan.mapped += static_cast<std::ptrdiff_t>(bytes);
    }
    return mapping;
}

int __wrap_munmap(void* address, std::size_t bytes) {
    plan.mapped -= plan.armed ? static_cast<std::ptrdiff_t>(bytes) : 0;
    return __real_munmap(address, bytes);
}

int __wrap_mprotect(void* address, std::size_t bytes, int rights) {
    return plan.fails_now() ? -1 : __real_mprotect(address, bytes, rights);
}

int __wrap_madvise(void* address, std::size_t bytes, int advice) {
    if (plan.advice_error != 0) {
        errno = plan.advice_error;
        return -1;
    }
    return plan.fails_now() ? -1 : __real_madvise(address, bytes, advice);
}

int __wrap_mlock(const void* address, std::size_t bytes) {
    return plan.fails_now() ? -1 : __real_mlock(address, bytes);
}

void* __wrap_calloc(std::size_t count, std::size_t bytes) {
    if (plan.fails_now()) {
        return nullptr;
    }
    void* const block = __real_calloc(count, bytes);
    if (plan.armed) {
        ++plan.on_heap;
        plan.heap_blocks.push_back(block);
    }
    return block;
}

void __wrap_free(void* block) {
    if (plan.armed && std::erase(plan.heap_blocks, block) != 0) {
        --plan.on_heap;
    }
    __real_free(block);
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}
