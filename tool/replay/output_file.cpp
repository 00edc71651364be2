// SPDX-License-Identifier: MIT
#include "replay/output_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "replay/player_system.hpp"
#include <sys/stat.h>
#include <unistd.h>

namespace millpond::tool::replay {

output_file::output_file(std::string name)
    : name_(std::move(name)) {
    if (standard_output()) {
        descriptor_ = STDOUT_FILENO;
        return;
    }

    struct stat facts {};

    if (stat(name_.c_str(), &facts) == 0) {
        if (S_ISDIR(facts.st_mode)) {
            fail("cannot write", EISDIR);
        }
        if (access(name_.c_str(), W_OK) != 0) {
            fail("cannot write", errno);
        }
        // A rename would replace a device or a pipe by a file; these are written as they are.
        if (!S_ISREG(facts.st_mode)) {
            std::FILE* file = std::fopen(name_.c_str(), "we");
            descriptor_ = file == nullptr ? -1 : dup(fileno(file));
            if (file != nullptr) {
                std::fclose(file);
            }
        }
    }
    if (descriptor_ < 0) {
        temporary_ = name_ + ".XXXXXX";
        descriptor_ = mkstemp(temporary_.data());
    }
    if (descriptor_ < 0) {
        const int error = errno;
        temporary_.clear();
        fail("cannot write", error);
    }
}

output_file::~output_file() {
    if (standard_output()) {
        return;
    }
    if (descriptor_ >= 0) {
        close(descriptor_);
    }
    if (!temporary_.empty()) {
        unlink(temporary_.c_str());
    }
}

void output_file::fail(const char* what, int error) const {
    throw std::system_error(error, std::generic_category(), std::string(what) + " " + name_);
}

void output_file::commit(std::string_view text) {
    if (!write_all(descriptor_, text.data(), text.size())) {
        fail("cannot write", errno);
    }
    if (temporary_.empty()) {
        return;
    }
    // mkstemp makes a private file; the result gets what the user's mask allows.
    const mode_t mask = umask(0);
    umask(mask);
    if (fchmod(descriptor_, 0666 & ~mask) != 0 || close(std::exchange(descriptor_, -1)) != 0 ||
        std::rename(temporary_.c_str(), name_.c_str()) != 0) {
        fail("cannot finish", errno);
    }
    temporary_.clear();
}

} // namespace millpond::tool::replay
