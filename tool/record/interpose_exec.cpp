// SPDX-License-Identifier: MIT
/// \file
/// The exec family, only to note that a process is about to be replaced: an observer from outside
/// cannot tell that from being killed. Everything is passed on as it is.

#include <cstdarg>
#include <cstring>

#include "record/interpose.hpp"
#include <dlfcn.h>
#include <unistd.h>

using namespace millpond::tool; // the replaced functions live in the global namespace

namespace {

template <typename Function>
Function next(const char* name) noexcept {
    void* const found = dlsym(RTLD_NEXT, name);
    Function function = nullptr;
    std::memcpy(&function, &found, sizeof found);
    return function;
}

template <typename... Arguments>
int call(const char* name, Arguments... arguments) noexcept {
    const auto real = next<int (*)(Arguments...)>(name);
    inside::set_flag(process_flag::replaced);
    const int result = real(arguments...);
    inside::clear_flag(process_flag::replaced);
    return result;
}

std::size_t count_arguments(va_list list) noexcept {
    std::size_t count = 1;
    while (va_arg(list, char*) != nullptr) {
        count += 1;
    }
    return count;
}

} // namespace

MILLPOND_REPLACES int execve(const char* path, char* const argv[], char* const envp[]) {
    return call("execve", path, argv, envp);
}

MILLPOND_REPLACES int execv(const char* path, char* const argv[]) {
    return call("execv", path, argv);
}

MILLPOND_REPLACES int execvp(const char* file, char* const argv[]) {
    return call("execvp", file, argv);
}

MILLPOND_REPLACES int execvpe(const char* file, char* const argv[], char* const envp[]) {
    return call("execvpe", file, argv, envp);
}

MILLPOND_REPLACES int fexecve(int descriptor, char* const argv[], char* const envp[]) {
    return call("fexecve", descriptor, argv, envp);
}

MILLPOND_REPLACES int
execveat(int directory, const char* path, char* const argv[], char* const envp[], int flags) {
    return call("execveat", directory, path, argv, envp, flags);
}

// The forms with a list of arguments become those with an array, on the stack.
#define MILLPOND_COLLECT_ARGUMENTS(first)                                                          \
    va_list list;                                                                                  \
    va_start(list, first);                                                                         \
    const std::size_t count = count_arguments(list);                                               \
    va_end(list);                                                                                  \
    auto** const argv = static_cast<char**>(__builtin_alloca((count + 1) * sizeof(char*)));        \
    va_start(list, first);                                                                         \
    argv[0] = const_cast<char*>(first);                                                            \
    for (std::size_t i = 1; i <= count; ++i) {                                                     \
        argv[i] = va_arg(list, char*);                                                             \
    }

MILLPOND_REPLACES int execl(const char* path, const char* first, ...) {
    MILLPOND_COLLECT_ARGUMENTS(first)
    va_end(list);
    return call("execv", path, static_cast<char* const*>(argv));
}

MILLPOND_REPLACES int execlp(const char* file, const char* first, ...) {
    MILLPOND_COLLECT_ARGUMENTS(first)
    va_end(list);
    return call("execvp", file, static_cast<char* const*>(argv));
}

MILLPOND_REPLACES int execle(const char* path, const char* first, ...) {
    MILLPOND_COLLECT_ARGUMENTS(first)
    char* const* const envp = va_arg(list, char* const*);
    va_end(list);
    return call("execve", path, static_cast<char* const*>(argv), envp);
}
