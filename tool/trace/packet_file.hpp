// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The trace as a file: a head and then packets, each compressed and checked on its own.
///
///     file head | packet head, payload | packet head, payload | ... | packet head of kind `end`
///
/// Packets of different processes and threads follow each other as they became full; `sequence`
/// orders those of one thread. Only the last packet, `end`, says that the file is complete, so a
/// file cut anywhere is readable up to its last whole packet. docs/trace-format.md is the
/// specification.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trace/packet_kind.hpp"
#include "trace/trace.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace millpond::tool {

inline constexpr std::uint32_t trace_version = 1;
inline constexpr std::size_t payload_bytes_max = std::size_t{1} << 20U;

/// What stands before each payload, in this order and layout.
struct packet_head {
    std::uint32_t mark = 0; ///< `packet_mark`
    packet_kind kind{};
    std::uint32_t process = 0;  ///< dense, in order of start
    std::uint32_t thread = 0;   ///< dense within the process
    std::uint32_t sequence = 0; ///< of this thread's packets; of a process's module lists
    std::uint32_t events = 0;
    std::uint32_t raw_bytes = 0;    ///< payload when decompressed
    std::uint32_t stored_bytes = 0; ///< payload in the file
    std::uint64_t first_tick = 0;   ///< the clock before the first event
    std::uint64_t payload_check = 0;
    std::uint64_t head_check = 0; ///< over everything above
};

inline constexpr std::uint32_t packet_mark = 0x544B504D; // "MPKT"
static_assert(sizeof(packet_head) == 56, "the head is written as it is");

/// What stands at the start of a trace.
struct file_head {
    char magic[8] = {'\x89', 'M', 'P', 'T', 'R', 'A', 'C', 'E'};
    std::uint32_t version = trace_version;
    std::uint32_t tick_picoseconds = 0; ///< estimate; the `end` packet has the measured one
    std::uint64_t head_check = 0;
};

static_assert(sizeof(file_head) == 24, "the head is written as it is");

/// Why a recording stopped before its program did.
enum class early_stop : std::uint32_t {
    none = 0,
    not_writable = 1, ///< the system refused to write more, and said why
    limit = 2,        ///< the size that the user allowed was reached
};

/// Totals in the `end` packet.
struct file_totals {
    std::uint64_t packets = 0; ///< without the `end` packet
    std::uint64_t processes = 0;
    std::uint64_t events = 0;
    std::uint64_t tick_femtoseconds = 0;
    early_stop stop = early_stop::none; ///< only a recording that stopped early holds this
    std::uint32_t error = 0;            ///< errno of `not_writable`
};

inline constexpr std::size_t complete_totals_bytes = 32;
static_assert(sizeof(file_totals) == 40, "the totals are written as they are");

/// A checksum that notices every change confined to one aligned 8-byte word, and others with
/// probability 1 - 2^-64: each step is one-to-one in the word and in what came before.
[[nodiscard]] std::uint64_t checksum(std::span<const std::byte> bytes) noexcept;

inline constexpr std::uint64_t no_limit = ~std::uint64_t{0};

/// Appends packets to a trace.
///
/// Units:      bytes.
/// Complexity: O(payload) per packet; one write per packet.
/// Errors:     `trace_error` with the file's name and the reason: the system's, or the limit. The
///             file then ends behind the last whole packet, and small packets may still follow.
/// Threads:    one thread at a time.
/// Source:     own format, docs/trace-format.md.
class packet_writer {
public:
    /// Creates or replaces `file`. Refuses to replace a file that is not a trace.
    packet_writer(const std::filesystem::path& file,
                  std::uint64_t tick_femtoseconds,
                  std::uint64_t limit_bytes = no_limit);
    ~packet_writer();
    packet_writer(const packet_writer&) = delete;
    packet_writer& operator=(const packet_writer&) = delete;

    /// Compresses and appends one packet; fills in the sizes, the mark and the checks of `head`.
    void append(packet_head head, std::span<const std::byte> payload);

    /// Says how far behind the writer is, from 0 (not at all) to 1: the further, the less it compresses.
    void hurry(double backlog);

    /// Ends the recording before the program's end, after `append` failed: takes events off the end of a
    /// file that could not grow, so that what tells how everything ended has room.
    void stop_early();

    /// Why it stopped early, or `none`.
    [[nodiscard]] early_stop stopped() const noexcept { return totals_.stop; }

    /// Appends the `end` packet; nothing may follow.
    void finish(std::uint64_t tick_femtoseconds);

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

    [[nodiscard]] const file_totals& totals() const noexcept { return totals_; }

private:
    /// A packet that may have to go again.
    struct kept_packet {
        std::uint64_t offset;
        packet_kind kind;
        std::uint32_t events;
    };

    void write_all(std::span<const std::byte> bytes);
    void shorten_to(std::uint64_t bytes);

    std::filesystem::path file_;
    std::uint64_t limit_bytes_;
    std::deque<kept_packet> last_; // the last few
    int descriptor_ = -1;
    ZSTD_CCtx_s* compressor_ = nullptr;
    int level_ = 0;              // of compression
    std::vector<std::byte> out_; // head and payload, written with one call
    std::uint64_t bytes_ = 0;
    file_totals totals_;
};

/// Where a packet lies.
struct packet_place {
    packet_head head;
    std::uint64_t offset = 0; ///< of the payload
};

/// Finds and checks the packets of a trace.
///
/// Units:      bytes.
/// Complexity: construction reads the whole file once; `load` reads one packet.
/// Errors:     `trace_error` naming file, offset and reason.
/// Threads:    one thread at a time.
/// Source:     own format, docs/trace-format.md.
class packet_reader {
public:
    explicit packet_reader(const std::filesystem::path& file);
    ~packet_reader();
    packet_reader(const packet_reader&) = delete;
    packet_reader& operator=(const packet_reader&) = delete;

    [[nodiscard]] const std::vector<packet_place>& packets() const noexcept { return packets_; }

    /// Why the file ends before its program did, or nothing.
    [[nodiscard]] const std::string& cut_reason() const noexcept { return cut_reason_; }

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

    [[nodiscard]] std::uint64_t tick_femtoseconds() const noexcept { return tick_femtoseconds_; }

    /// Decompresses one payload into `into`.
    void load(const packet_place& place, std::vector<std::byte>& into);

    /// Throws a `trace_error` that names the file and `offset`.
    [[noreturn]] void fail(std::uint64_t offset, std::string_view reason) const;

private:
    void scan();
    bool scan_one(std::uint64_t& offset);
    void check_end(const packet_place& place, std::uint64_t next);
    void read_at(std::uint64_t offset, std::span<std::byte> into) const;

    std::filesystem::path file_;
    int descriptor_ = -1;
    ZSTD_DCtx_s* decompressor_ = nullptr;
    std::uint64_t bytes_ = 0;
    std::uint64_t tick_femtoseconds_ = 0;
    std::string cut_reason_ = "its recorder was killed";
    std::vector<packet_place> packets_;
    std::vector<std::byte> stored_;
};

/// True when `file` starts like a trace of any version.
[[nodiscard]] bool looks_like_trace(const std::filesystem::path& file);

} // namespace millpond::tool
