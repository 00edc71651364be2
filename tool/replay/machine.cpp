// SPDX-License-Identifier: MIT
#include "replay/machine.hpp"

#include <fstream>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace millpond::tool::replay {

namespace {

std::string first_line(const char* file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

std::string processor() {
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; std::getline(in, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos) {
            return line.substr(colon + 2);
        }
    }
    return {};
}

/// The chosen one of "always [madvise] never".
std::string chosen(const std::string& line) {
    const std::size_t open = line.find('[');
    const std::size_t close = line.find(']');
    return open == std::string::npos || close == std::string::npos
               ? std::string()
               : line.substr(open + 1, close - open - 1);
}

} // namespace

std::vector<std::pair<std::string, std::string>> machine_facts() {
    std::vector<std::pair<std::string, std::string>> facts;
    const auto add = [&facts](const char* label, const std::string& value) {
        if (!value.empty()) {
            facts.emplace_back(label, value);
        }
    };
    utsname kernel{};
    uname(&kernel);
    add("processor", processor());
    add("processors", std::to_string(std::thread::hardware_concurrency()));
    const double pages = static_cast<double>(sysconf(_SC_PHYS_PAGES));
    const double gib = pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1U << 30U);
    add("memory", fmt::format("{:.1f} GiB", gib));
    add("architecture", kernel.machine);
    add("kernel", fmt::format("{} {}", kernel.sysname, kernel.release));
    add("C library", fmt::format("glibc {}", gnu_get_libc_version()));
    add("transparent huge pages",
        chosen(first_line("/sys/kernel/mm/transparent_hugepage/enabled")));
    add("governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    add("compiler",
        std::string("built with ") +
#if defined(__clang__)
            "clang " __clang_version__
#else
            "g++ " __VERSION__
#endif
    );
    return facts;
}

} // namespace millpond::tool::replay
