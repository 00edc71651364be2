// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a trace says, once decoded. The stages of the tool meet here: `record` writes a file,
/// every later stage reads it through `trace_reader` and sees only these structs.
///
/// One file holds the processes of one recording (a compiler driver starts several). Each process
/// is a sequence of events in an order that really happened: a block is never allocated while
/// another with the same address is live.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace millpond::tool {

/// What the program asked its heap for.
enum class operation : std::uint8_t {
    allocate,         ///< malloc, operator new
    allocate_zeroed,  ///< calloc
    allocate_aligned, ///< posix_memalign, aligned_alloc, memalign, valloc, pvalloc
    reallocate,       ///< realloc of a live block
    free,             ///< free, operator delete
};

inline constexpr std::uint64_t no_block = ~std::uint64_t{0};

/// One heap operation of the recorded program.
struct event {
    operation op{};
    std::uint32_t thread = 0;          ///< dense, 0 = the process's first thread
    std::uint64_t time_ns = 0;         ///< since the process began to be recorded
    std::uint64_t size_bytes = 0;      ///< asked for; 0 for `free`
    std::uint64_t alignment_bytes = 0; ///< asked for by the aligned family, else 0
    std::uint64_t block = no_block; ///< identity: 0, 1, 2, ... in order of allocation, never reused
    std::uint64_t previous = no_block; ///< `reallocate`: the block that this one replaces
    std::uint32_t site = 0;            ///< index into `process::sites`
};

/// A call site: a return address, as a file and an offset into it, enough to symbolise later.
struct call_site {
    std::string module;       ///< path of the mapped file, empty when unknown
    std::uint64_t offset = 0; ///< address in the ELF file's own numbering, as addr2line takes it;
                              ///< the absolute address when `module` is empty
};

/// How the recording of one process ended.
enum class ending : std::uint8_t {
    exited,   ///< ran to its end
    replaced, ///< called exec
    killed,   ///< died of a signal, or left without running its exit handlers
    running,  ///< still ran when the recording ended: what came later is not in the trace
};

/// One recorded process.
struct process {
    std::uint32_t pid = 0;
    std::uint32_t parent_pid = 0;
    std::vector<std::string> command; ///< argv
    ending end = ending::exited;
    std::optional<int> wait_status; ///< as waitpid tells it, where the recorder could learn it
    std::uint32_t threads = 0;
    std::uint64_t events = 0; ///< recorded; after `for_each` exactly as many as it delivered
    std::uint64_t unmatched_frees = 0; ///< frees of blocks older than the recording, left out of
                                       ///< the events; counted by `for_each`, 0 before it
    std::uint64_t inferred_frees = 0;  ///< frees nobody saw (memory given back behind the
                                       ///< recorder's back), put in by `for_each`; 0 before it
    std::uint64_t lost_events = 0;     ///< the recorder says it could not keep them; normally 0
    std::vector<call_site> sites;
};

/// A trace that cannot be read: foreign, truncated, corrupt, or of another version.
/// `what()` names the file, the byte offset and the reason.
class trace_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace millpond::tool
