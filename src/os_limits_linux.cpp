// SPDX-License-Identifier: MIT
/// \file
/// Which of Linux's limits a refused request has hit: os::limit_hit.

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "os.hpp"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

MILLPOND_NAMESPACE_BEGIN

namespace os {

namespace {

/// A file of /proc, a piece at a time.
class proc_file {
public:
    explicit proc_file(const char* path) noexcept
        : file_(open(path, O_RDONLY | O_CLOEXEC)) {}

    proc_file(const proc_file&) = delete;
    proc_file& operator=(const proc_file&) = delete;

    ~proc_file() {
        if (file_ >= 0) {
            close(file_);
        }
    }

    /// The next piece, which ends with a zero; false at the end, and where there is no such file.
    [[nodiscard]] bool next() noexcept {
        const ssize_t got = file_ < 0 ? -1 : read(file_, piece_.data(), piece_.size() - 1);
        length_ = got < 0 ? 0 : static_cast<std::size_t>(got);
        piece_[length_] = '\0';
        return length_ != 0;
    }

    [[nodiscard]] const char* text() const noexcept { return piece_.data(); }

    [[nodiscard]] std::size_t length() const noexcept { return length_; }

private:
    int file_;
    std::size_t length_ = 0;
    std::array<char, 4096> piece_{};
};

/// What /proc/self/status says in a line of kibibytes; false if it says nothing.
bool read_status(const char* field, std::uint64_t& bytes) noexcept {
    proc_file status("/proc/self/status");
    const char* const found = status.next() ? std::strstr(status.text(), field) : nullptr;
    if (found == nullptr) {
        return false;
    }
    bytes = std::uint64_t{std::strtoull(found + std::strlen(field), nullptr, 10)} << 10;
    return true;
}

/// True when `bytes` more than the field's figure exceed the limit, which is then stored in `most`.
template <class Resource>
bool exceeds(Resource resource,
             const char* field,
             std::uint64_t bytes,
             std::uint64_t& most) noexcept {
    rlimit limit{};
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return false;
    }
    most = limit.rlim_cur;
    std::uint64_t used = 0;
    return read_status(field, used) && (used > most || bytes > most - used);
}

/// True when there are as many mappings as allowed, except for one that a commit would have split
/// off.
bool has_all_mappings(std::uint64_t& most) noexcept {
    proc_file limit("/proc/sys/vm/max_map_count");
    if (!limit.next()) {
        return false;
    }
    most = std::strtoull(limit.text(), nullptr, 10);
    std::uint64_t mappings = 0;
    for (proc_file maps("/proc/self/maps"); maps.next();) {
        for (std::size_t i = 0; i < maps.length(); ++i) {
            mappings += maps.text()[i] == '\n' ? 1U : 0U;
        }
    }
    return mappings + 2 > most;
}

limit_text describe(const char* name, std::uint64_t most, const char* unit) noexcept {
    limit_text said;
    std::snprintf(said.text.data(), said.text.size(), " (%s is %" PRIu64 "%s)", name, most, unit);
    return said;
}

} // namespace

limit_text limit_hit(os_request request, std::size_t bytes, int error) noexcept {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    bytes = bytes < SIZE_MAX - page ? bytes + page - 1 : bytes; // the system counts in pages
    const bool locks = request == os_request::commit_and_lock;
    const bool on_heap = request == os_request::allocate_from_heap;
    std::uint64_t most = 0;
    if (error == EPERM) {
        // Only a lock is answered like this, for a process that may lock nothing at all.
        rlimit limit{};
        const bool locks_nothing =
            locks && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == 0;
        return locks_nothing ? describe("RLIMIT_MEMLOCK", 0, " bytes") : limit_text{};
    }
    if (error != ENOMEM && error != EAGAIN) {
        return {};
    }
    const bool reserves = request == os_request::reserve || on_heap;
    const bool commits = locks || on_heap || request == os_request::commit;
    if (reserves && exceeds(RLIMIT_AS, "VmSize:", bytes, most)) {
        return describe("RLIMIT_AS", most, " bytes");
    }
    if (commits && exceeds(RLIMIT_DATA, "VmData:", bytes, most)) {
        return describe("RLIMIT_DATA", most, " bytes");
    }
    if (has_all_mappings(most)) {
        return describe("vm.max_map_count", most, "");
    }
    if (locks && exceeds(RLIMIT_MEMLOCK, "VmLck:", bytes, most)) {
        return describe("RLIMIT_MEMLOCK", most, " bytes");
    }
    return {};
}

} // namespace os

MILLPOND_NAMESPACE_END
