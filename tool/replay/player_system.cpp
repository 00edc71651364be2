// SPDX-License-Identifier: MIT
#include "replay/player_system.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millpond::tool::replay {

namespace {

std::uint64_t now_ns(clockid_t clock) noexcept {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace

std::uint64_t wall_now_ns() noexcept {
    return now_ns(CLOCK_MONOTONIC);
}

std::uint64_t cpu_now_ns() noexcept {
    return now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

fault_counts faults_now() noexcept {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return {static_cast<std::uint64_t>(used.ru_minflt), static_cast<std::uint64_t>(used.ru_majflt)};
}

std::uint64_t status_bytes(const char* field) noexcept {
    const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return 0;
    }
    char text[4096];
    const ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    const char* found = std::strstr(text, field);
    return found == nullptr ? 0 : std::strtoull(found + std::strlen(field), nullptr, 10) * 1024;
}

bool reset_peak() noexcept {
    const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const bool done = write(file, "5", 1) == 1;
    close(file);
    return done;
}

void* resident_memory(std::size_t bytes) noexcept {
    void* memory = mmap(nullptr,
                        bytes == 0 ? 1 : bytes,
                        PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                        -1,
                        0);
    return memory == MAP_FAILED ? nullptr : memory;
}

const void* map_file(int descriptor, std::size_t& bytes) noexcept {
    struct stat facts {};

    if (fstat(descriptor, &facts) != 0 || facts.st_size <= 0) {
        return nullptr;
    }
    bytes = static_cast<std::size_t>(facts.st_size);
    void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

bool write_all(int descriptor, const void* bytes, std::size_t count) noexcept {
    const auto* next = static_cast<const char*>(bytes);
    while (count > 0) {
        const ssize_t done = write(descriptor, next, count);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        next += done;
        count -= static_cast<std::size_t>(done);
    }
    return true;
}

} // namespace millpond::tool::replay
