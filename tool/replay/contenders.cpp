// SPDX-License-Identifier: MIT
#include "replay/contenders.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include "replay/runner.hpp"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace millpond::tool::replay {

namespace {

struct known {
    std::string_view name;
    std::string_view preload;
    std::string_view heap;
};

// The names under which the libraries are installed by Debian and by their own makefiles; the dynamic
// linker finds them as it finds every library.
constexpr std::array<known, 7> table{{
    {"glibc", "", "libc"},
    {"jemalloc", "libjemalloc.so.2", "libc"},
    {"mimalloc", "libmimalloc.so.2", "libc"},
    {"tcmalloc", "libtcmalloc_minimal.so.4", "libc"},
    {"tbbmalloc", "libtbbmalloc_proxy.so.2", "libc"},
    {"millpond", "", "pools"},
    {"millpond-mr", "", "resource"},
}};

const known* find_known(std::string_view name) {
    const auto* found =
        std::find_if(table.begin(), table.end(), [&](const known& k) { return k.name == name; });
    return found == table.end() ? nullptr : found;
}

/// True when malloc comes from the preloaded library: its file's name begins with that of `preload`,
/// because the name that is asked for is often a link to one with more version numbers.
bool took_hold(const contender& c) {
    if (c.preload.empty()) {
        return true;
    }
    const std::string asked = std::filesystem::path(c.preload).filename();
    const std::filesystem::path given(c.malloc_file);
    std::error_code ignored;
    return given.filename().string().starts_with(asked) ||
           std::filesystem::equivalent(given, c.preload, ignored);
}

contender from_file(const std::string& name, const std::string& file) {
    std::error_code failed;
    const std::filesystem::path whole = std::filesystem::canonical(file, failed);
    if (failed) {
        throw std::invalid_argument(fmt::format("--with {}={}: {}", name, file, failed.message()));
    }
    return {name, whole, "libc", "", ""};
}

} // namespace

const std::vector<std::string>& known_contenders() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        all.reserve(table.size());
        for (const known& k : table) {
            all.emplace_back(k.name);
        }
        return all;
    }();
    return names;
}

contender contender_named(const std::string& name) {
    const known* k = find_known(name);
    if (k == nullptr) {
        throw std::invalid_argument(
            fmt::format("unknown allocator '{}'; known are {} (another one by the file of its "
                        "library: {}=/path/to/library.so)",
                        name,
                        fmt::join(known_contenders(), ", "),
                        name.empty() ? "name" : name));
    }
    return {name, std::string(k->preload), std::string(k->heap), "", ""};
}

line_up find_contenders(const std::vector<std::string>& wanted,
                        const std::filesystem::path& player) {
    line_up found;
    std::vector<std::string> names;
    for (const std::string& want : wanted.empty() ? known_contenders() : wanted) {
        const std::size_t equals = want.find('=');
        const bool by_file = equals != std::string::npos;
        const std::string name = want.substr(0, equals);
        contender c = by_file ? from_file(name, want.substr(equals + 1)) : contender_named(name);
        if (std::find(names.begin(), names.end(), name) != names.end()) {
            throw std::invalid_argument(fmt::format("--with names '{}' twice", name));
        }
        names.push_back(name);
        const probed_malloc probed = probe_malloc(c, player);
        c.malloc_file = probed.file;
        c.malloc_version = probed.version;
        if (took_hold(c)) {
            found.present.push_back(c);
        } else if (by_file) {
            throw std::invalid_argument(fmt::format(
                "--with {}: the library cannot be preloaded or provides no malloc", want));
        } else {
            found.missing.push_back(name);
        }
    }
    return found;
}

std::filesystem::path find_player() {
    const std::filesystem::path self =
        std::filesystem::read_symlink("/proc/self/exe").parent_path();
    const std::array<std::filesystem::path, 3> places{
        self / "millpond-player", self / "replay/millpond-player", self / MILLPOND_PLAYER_FROM_BIN};
    for (const std::filesystem::path& place : places) {
        if (access(place.c_str(), X_OK) == 0) {
            return place;
        }
    }
    throw std::runtime_error(fmt::format("millpond-player is missing; looked for {}, {} and {}",
                                         places[0].string(),
                                         places[1].string(),
                                         places[2].lexically_normal().string()));
}

} // namespace millpond::tool::replay
