// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "victim.hpp"
#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

namespace victim {
namespace {

int c_forms() {
    std::free(std::malloc(7001));
    std::free(std::calloc(7, 1001)); // 7007
    void* p = std::realloc(nullptr, 7002);
    p = std::realloc(p, 7003);
    p = reallocarray(p, 1001, 7); // 7007
    sink = std::realloc(p, 0);
    std::free(nullptr);
    p = nullptr;
    if (posix_memalign(&p, 64, 7010) != 0) {
        return 1;
    }
    std::free(p);
    std::free(std::aligned_alloc(128, 7040));
    std::free(memalign(256, 7012));
    std::free(valloc(7013));
    std::free(pvalloc(7014));
    const volatile std::size_t too_much = PTRDIFF_MAX;
    sink = reallocarray(nullptr, too_much, 4); // fails: no event
    sink = std::malloc(too_much);              // fails: no event
    return 0;
}

struct alignas(64) wide {
    char bytes[7104];
};

int cxx_forms() {
    ::operator delete(::operator new(7101));
    ::operator delete[](::operator new[](7102));
    ::operator delete(::operator new(7103, std::nothrow), std::nothrow);
    ::operator delete (::operator new(7105), std::size_t{7105});
    ::operator delete[](::operator new[](7106, std::nothrow), std::nothrow);
    delete new wide;
    delete[] new wide[1];
    const std::align_val_t alignment{512};
    ::operator delete(::operator new(7107, alignment, std::nothrow), alignment, std::nothrow);
    ::operator delete(nullptr);
    return 0;
}

int handler_calls = 0;

void count_and_give_up() {
    handler_calls += 1;
    std::set_new_handler(nullptr);
}

int out_of_memory() {
    const volatile std::size_t too_much = PTRDIFF_MAX;
    std::set_new_handler(count_and_give_up);
    try {
        sink = ::operator new(too_much);
        return 1;
    } catch (const std::bad_alloc&) {
    }
    if (handler_calls != 1 || ::operator new(too_much, std::nothrow) != nullptr) {
        return 2;
    }
    try {
        sink = ::operator new (PTRDIFF_MAX, std::align_val_t{64});
        return 3;
    } catch (const std::bad_alloc&) {
    }
    return ::operator new[](too_much, std::align_val_t{64}, std::nothrow) == nullptr ? 0 : 4;
}

/// Far more events than a buffer holds, and errno looked at after each.
int errno_kept() {
    for (int i = 0; i < 100'000; ++i) {
        errno = 77;
        void* p = std::malloc(7201);
        if (errno != 77) {
            return 1;
        }
        p = std::realloc(p, 7202);
        if (errno != 77) {
            return 2;
        }
        std::free(p);
        if (errno != 77) {
            return 3;
        }
    }
    return 0;
}

int plugin() {
    using function = void (*)();
    void* const library = dlopen(std::getenv("VICTIM_PLUGIN"), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return 1;
    }
    void* const found = dlsym(library, "plugin_allocates");
    function call = nullptr;
    std::memcpy(&call, &found, sizeof call);
    call();
    return dlclose(library);
}

} // namespace

int heap(const char* mode) {
    if (std::strcmp(mode, "c_forms") == 0) {
        return c_forms();
    }
    if (std::strcmp(mode, "cxx_forms") == 0) {
        return cxx_forms();
    }
    if (std::strcmp(mode, "out_of_memory") == 0) {
        return out_of_memory();
    }
    if (std::strcmp(mode, "errno_kept") == 0) {
        return errno_kept();
    }
    if (std::strcmp(mode, "plugin") == 0) {
        return plugin();
    }
    return std::strcmp(mode, "nothing") == 0 ? 0 : not_mine;
}

} // namespace victim
