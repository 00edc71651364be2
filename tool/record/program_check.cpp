// SPDX-License-Identifier: MIT
#include "record/program_check.hpp"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include <elf.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace millpond::tool {
namespace {

namespace fs = std::filesystem;

constexpr int interpreters_max = 4; // as many as the system itself follows

#if defined(__x86_64__)
constexpr Elf64_Half own_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half own_machine = EM_AARCH64;
#else
#    error "the recorder does not know this machine's ELF number"
#endif

[[noreturn]] void refuse(const fs::path& program, std::string_view reason) {
    throw program_error(fmt::format("{}: {}", program.string(), reason));
}

bool is_executable_file(const fs::path& path) {
    struct stat status {};

    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           access(path.c_str(), X_OK) == 0;
}

fs::path find_program(const std::string& program) {
    if (program.find('/') != std::string::npos) {
        std::error_code ignored;
        if (!fs::exists(program, ignored)) {
            refuse(program, "no such program");
        }
        if (!is_executable_file(program)) {
            refuse(program, "is not an executable file");
        }
        return program;
    }
    const char* const variable = std::getenv("PATH");
    const std::string path = variable == nullptr ? "/usr/bin:/bin" : variable;
    for (std::size_t at = 0; at <= path.size() && !program.empty();) {
        const std::size_t end = std::min(path.find(':', at), path.size());
        const std::string folder = end == at ? "." : path.substr(at, end - at);
        if (is_executable_file(fs::path(folder) / program)) {
            return fs::path(folder) / program;
        }
        at = end + 1;
    }
    refuse(program, "no such program in PATH");
}

/// The loader drops preloaded libraries when a program runs with rights its caller lacks.
void check_rights(const fs::path& program) {
    struct stat status {};

    if (stat(program.c_str(), &status) != 0) {
        refuse(program, std::strerror(errno));
    }
    const bool other_user = (status.st_mode & S_ISUID) != 0 && status.st_uid != getuid();
    const bool other_group = (status.st_mode & S_ISGID) != 0 && status.st_gid != getgid();
    if (other_user || other_group) {
        refuse(program,
               "is set-uid or set-gid, the system lets no library into it; it cannot be "
               "recorded");
    }
    if (getuid() != 0 && getxattr(program.c_str(), "security.capability", nullptr, 0) > 0) {
        refuse(program,
               "has file capabilities, the system lets no library into it; it cannot be "
               "recorded");
    }
}

template <typename Part>
bool read_at(std::ifstream& file, std::uint64_t offset, Part& part) {
    file.clear();
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(reinterpret_cast<char*>(&part), sizeof part);
    return static_cast<bool>(file);
}

void check_elf(const fs::path& program, std::ifstream& file) {
    Elf64_Ehdr head{};
    if (!read_at(file, 0, head.e_ident)) {
        refuse(program, "is cut short, it is not a program this system can run");
    }
    if (head.e_ident[EI_CLASS] != ELFCLASS64) {
        refuse(program, "is a 32-bit program; it cannot be recorded by this 64-bit recorder");
    }
    if (!read_at(file, 0, head)) {
        refuse(program, "is cut short, it is not a program this system can run");
    }
    if (head.e_machine != own_machine) {
        refuse(program,
               fmt::format("is for another machine (ELF number {}); it cannot be recorded",
                           head.e_machine));
    }
    for (std::uint64_t i = 0; i < head.e_phnum; ++i) {
        Elf64_Phdr part{};
        if (!read_at(file, head.e_phoff + i * head.e_phentsize, part)) {
            refuse(program, "is cut short, it is not a program this system can run");
        }
        if (part.p_type == PT_INTERP) {
            return;
        }
    }
    refuse(program,
           "is statically linked and cannot be recorded (the recorder is a preloaded "
           "library, which only dynamically linked programs load)");
}

/// The interpreter named in the first line of a script, or nothing.
std::string interpreter_of(std::ifstream& file) {
    std::string line;
    file.clear();
    file.seekg(2);
    std::getline(file, line);
    const std::size_t from = line.find_first_not_of(" \t");
    if (from == std::string::npos) {
        return {};
    }
    return line.substr(from, line.find_first_of(" \t\r", from) - from);
}

void check(const fs::path& program, int depth) {
    if (depth > interpreters_max) {
        refuse(program, "is a script whose interpreters never end");
    }
    std::ifstream file(program, std::ios::binary);
    if (!file) {
        refuse(program, "cannot be read, so it cannot be told whether it can be recorded");
    }
    char start[4] = {};
    file.read(start, sizeof start);
    if (std::memcmp(start, ELFMAG, SELFMAG) == 0) {
        check_rights(program);
        check_elf(program, file);
        return;
    }
    const std::string interpreter =
        start[0] == '#' && start[1] == '!' ? interpreter_of(file) : std::string();
    if (interpreter.empty()) {
        refuse(program, "is neither an ELF program nor a script with #! in its first line");
    }
    if (!is_executable_file(interpreter)) {
        refuse(program, fmt::format("its interpreter {} is not there", interpreter));
    }
    check(interpreter, depth + 1);
}

} // namespace

fs::path find_recordable_program(const std::string& program) {
    const fs::path found = find_program(program);
    check(found, 0);
    return found;
}

} // namespace millpond::tool
