// SPDX-License-Identifier: MIT
/// \file
/// Reads what the system says of itself.

#include "machine.hpp"

#include "millpond/base/config.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>

#include <sys/utsname.h>

namespace millpond::bench {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                     \
        __has_feature(memory_sanitizer) || __has_feature(undefined_behavior_sanitizer)
constexpr bool sanitized = true;
#    else
constexpr bool sanitized = false;
#    endif
#else
constexpr bool sanitized = false;
#endif

#if defined(__OPTIMIZE__)
constexpr bool optimised = true;
#else
constexpr bool optimised = false;
#endif

std::string first_line_of(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

/// The value behind "key : value" in a file of such lines.
std::string value_in(const char* path, std::string_view key) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line)) {
        if (line.starts_with(key)) {
            const std::size_t start = line.find_first_not_of(" \t", line.find(':') + 1);
            return start == std::string::npos ? "" : line.substr(start);
        }
    }
    return "";
}

} // namespace

std::string reason_not_to_measure() {
    if (!optimised) {
        return "it was built without optimisation; use the release preset";
    }
    if (sanitized || std::string_view(MILLPOND_BENCH_SANITIZERS) != "") {
        return "it was built with a sanitizer; use the release preset";
    }
    return "";
}

nlohmann::ordered_json describe_machine() {
    utsname system{};
    uname(&system);
    return {
        {"processor", value_in("/proc/cpuinfo", "model name")},
        {"cores", std::thread::hardware_concurrency()},
        {"memory", value_in("/proc/meminfo", "MemTotal")},
        {"kernel", std::string(system.sysname) + " " + system.release + " " + system.machine},
        {"transparent huge pages", first_line_of("/sys/kernel/mm/transparent_hugepage/enabled")}};
}

nlohmann::ordered_json describe_build() {
#if defined(__clang__)
    const std::string compiler = "clang " __clang_version__;
#else
    const std::string compiler = "gcc " __VERSION__;
#endif
    return {{"compiler", compiler},
            {"flags", MILLPOND_BENCH_FLAGS},
            {"checking level", "checked, and unchecked where a contender says so"},
            {"millpond",
             std::to_string(MILLPOND_VERSION_MAJOR) + "." + std::to_string(MILLPOND_VERSION_MINOR) +
                 "." + std::to_string(MILLPOND_VERSION_PATCH)}};
}

std::string package_version(std::string_view package) {
    const std::string command =
        "dpkg-query -W -f='${Version}' " + std::string(package) + " 2>/dev/null";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    std::string version;
    std::array<char, 128> buffer{};
    while (pipe != nullptr && std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) {
        version += buffer.data();
    }
    return version;
}

} // namespace millpond::bench
