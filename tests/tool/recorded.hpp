// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Runs the recorder on the victim and reads what it wrote.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "temporary_folder.hpp"
#include "trace/reader.hpp"
#include <sys/wait.h>

namespace millpond::test {

/// What a command printed, and how it ended.
struct command_result {
    int status = -1;
    std::string errors;
};

inline std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Runs a shell command line; its standard error goes to a file first.
inline command_result run(const temporary_folder& folder, const std::string& command) {
    const std::filesystem::path errors = folder / "errors.txt";
    const int status = std::system((command + " 2>" + errors.string()).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text_of(errors)};
}

/// A trace with all its events in memory.
struct recording {
    int status = -1;
    std::string errors;
    bool truncated = false;
    std::vector<tool::process> processes;
    std::vector<std::vector<tool::event>> events; ///< by process

    /// Events of `process` that ask for `size` bytes.
    [[nodiscard]] std::vector<tool::event> asking(std::size_t process, std::uint64_t size) const {
        std::vector<tool::event> found;
        std::copy_if(events.at(process).begin(),
                     events.at(process).end(),
                     std::back_inserter(found),
                     [&](const tool::event& what) {
                         return what.op != tool::operation::free && what.size_bytes == size;
                     });
        return found;
    }

    /// How many blocks of `size` bytes are freed, by free or by realloc.
    [[nodiscard]] std::size_t freed(std::size_t process, std::uint64_t size) const {
        std::vector<std::uint64_t> sizes;
        std::size_t count = 0;
        for (const tool::event& what : events.at(process)) {
            const std::uint64_t gone =
                what.op == tool::operation::free ? what.block : what.previous;
            count += gone != tool::no_block && sizes.at(gone) == size ? 1U : 0U;
            if (what.op != tool::operation::free) {
                sizes.push_back(what.size_bytes);
            }
        }
        return count;
    }
};

/// Reads a trace whole. `sizes.at` above also proves that blocks are numbered in order.
inline recording read_recording(const std::filesystem::path& file) {
    recording found;
    tool::trace_reader reader(file);
    for (std::size_t i = 0; i < reader.processes().size(); ++i) {
        auto& events = found.events.emplace_back();
        reader.for_each(i, [&](const tool::event& what) { events.push_back(what); });
    }
    found.processes = reader.processes();
    found.truncated = reader.truncated();
    return found;
}

/// Records the victim in `mode`; `environment` is put before the command, as in a shell.
inline recording record_victim(const std::string& mode, const std::string& environment = {}) {
    const temporary_folder folder;
    const std::filesystem::path file = folder / "victim.trace";
    const command_result result = run(folder,
                                      environment + " " TOOL " record -o " + file.string() +
                                          " -- " VICTIM " " + mode + " >/dev/null");
    recording found = read_recording(file);
    found.status = result.status;
    found.errors = result.errors;
    return found;
}

} // namespace millpond::test
