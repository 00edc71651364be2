// SPDX-License-Identifier: MIT
#include "record/program_check.hpp"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
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

/// A file with that C library's loader gives a preloaded library another C library than its own.
void check_loader(const fs::path& program, std::ifstream& file, const Elf64_Phdr& part) {
    std::string loader(std::min<std::uint64_t>(part.p_filesz, PATH_MAX), '\0');
    file.clear();
    file.seekg(static_cast<std::streamoff>(part.p_offset));
    file.read(loader.data(), static_cast<std::streamsize>(loader.size()));
    loader.resize(std::min(loader.size(), loader.find('\0')));
    for (const std::string_view other : {"musl", "uClibc", "linker64"}) {
        if (loader.find(other) != std::string::npos) {
            refuse(program,
                   fmt::format("runs on another C library than the recorder, which is made for "
                               "glibc (its loader is {}); it cannot be recorded",
                               loader));
        }
    }
}

/// The sanitizer that `name`, an entry of the table of dynamic names, belongs to; nullptr: none.
const char* sanitizer_of(std::string_view name) {
    struct runtime {
        std::string_view library;
        std::string_view entry;
        const char* called;
    };

    static constexpr runtime known[] = {
        {"libasan.so", "__asan_init", "AddressSanitizer"},
        {"libhwasan.so", "__hwasan_init", "HWAddressSanitizer"},
        {"liblsan.so", "__lsan_init", "LeakSanitizer"},
        {"libtsan.so", "__tsan_init", "ThreadSanitizer"},
        {"libmsan.so", "__msan_init", "MemorySanitizer"},
    };
    for (const runtime& one : known) {
        if (name.starts_with(one.library) || name == one.entry) {
            return one.called;
        }
    }
    return nullptr;
}

/// A sanitizer brings its own heap and insists on being the first library, where the recorder is.
/// Linked statically or not, its names stand among the dynamic ones.
void check_sanitizer(const fs::path& program,
                     std::ifstream& file,
                     const std::vector<Elf64_Phdr>& parts,
                     const Elf64_Phdr& dynamic) {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    for (std::uint64_t at = 0; at + sizeof(Elf64_Dyn) <= dynamic.p_filesz;
         at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry{};
        if (!read_at(file, dynamic.p_offset + at, entry) || entry.d_tag == DT_NULL) {
            break;
        }
        address = entry.d_tag == DT_STRTAB ? entry.d_un.d_ptr : address;
        size = entry.d_tag == DT_STRSZ ? entry.d_un.d_val : size;
    }
    const auto holder = std::find_if(parts.begin(), parts.end(), [&](const Elf64_Phdr& part) {
        return part.p_type == PT_LOAD && address >= part.p_vaddr &&
               address - part.p_vaddr < part.p_filesz;
    });
    if (holder == parts.end()) {
        return;
    }
    file.clear();
    file.seekg(static_cast<std::streamoff>(holder->p_offset + (address - holder->p_vaddr)));
    std::string name;
    for (std::uint64_t left = size; left > 0 && std::getline(file, name, '\0');
         left -= std::min<std::uint64_t>(left, name.size() + 1)) {
        if (const char* const sanitizer = sanitizer_of(name)) {
            refuse(program,
                   fmt::format("is built with {}, whose own heap must come first, where the "
                               "recorder has to be; record a build without it",
                               sanitizer));
        }
    }
}

std::vector<Elf64_Phdr> read_parts(const fs::path& program, std::ifstream& file) {
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
    std::vector<Elf64_Phdr> parts(head.e_phnum);
    for (std::uint64_t i = 0; i < parts.size(); ++i) {
        if (!read_at(file, head.e_phoff + i * head.e_phentsize, parts[i])) {
            refuse(program, "is cut short, it is not a program this system can run");
        }
    }
    return parts;
}

void check_elf(const fs::path& program, std::ifstream& file) {
    const std::vector<Elf64_Phdr> parts = read_parts(program, file);
    const auto find = [&](Elf64_Word type) {
        return std::find_if(parts.begin(), parts.end(), [&](const Elf64_Phdr& part) {
            return part.p_type == type;
        });
    };
    const auto loader = find(PT_INTERP);
    if (loader == parts.end()) {
        refuse(program,
               "is statically linked and cannot be recorded (the recorder is a preloaded "
               "library, which only dynamically linked programs load)");
    }
    check_loader(program, file, *loader);
    if (const auto dynamic = find(PT_DYNAMIC); dynamic != parts.end()) {
        check_sanitizer(program, file, parts, *dynamic);
    }
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
