// SPDX-License-Identifier: MIT
#include "trace/packet_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include "words.hpp"
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

namespace millpond::tool {
namespace {

/// Level 1 takes twice the time for a tenth less (5 to 12 %, two traces of 13 and 3 M events). The others
/// are for programs that are faster than that: 0.7 and 0.4 times the time, 1.35 and 1.65 times the size.
constexpr int usual_level = -1;
constexpr int quick_level = -5;
constexpr int quickest_level = -16;
constexpr double quick_from = 0.125;
constexpr double quickest_from = 0.5;
constexpr std::size_t remembered_packets = 16;
constexpr std::uint64_t room_for_endings = 4096;
constexpr std::uint64_t seed = 0x6D696C6C706F6E64ULL;

std::span<const std::byte> checked_part(const packet_head& head) {
    return std::as_bytes(std::span(&head, 1)).first(offsetof(packet_head, head_check));
}

std::span<const std::byte> checked_part(const file_head& head) {
    return std::as_bytes(std::span(&head, 1)).first(offsetof(file_head, head_check));
}

std::string reason_of(int error) {
    return std::generic_category().message(error);
}

std::string reason_of(const file_totals& totals) {
    switch (totals.stop) {
    case early_stop::not_writable:
        return fmt::format("it could not be written any further: {}",
                           reason_of(static_cast<int>(totals.error)));
    case early_stop::limit:
        return "the size allowed for it was reached";
    case early_stop::none:
        break;
    }
    return {};
}

[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view reason) {
    throw trace_error(fmt::format("{}: {}", file.string(), reason));
}

/// Opens the file for writing, once it is sure that nothing but a trace is replaced.
int open_for_writing(const std::filesystem::path& file) {
    struct stat status {};

    if (stat(file.c_str(), &status) == 0) {
        if (!S_ISREG(status.st_mode)) {
            refuse(file, "is not a regular file, a trace cannot be written there");
        }
        if (status.st_size != 0 && !looks_like_trace(file)) {
            refuse(file, "exists and is not a trace; it is left as it is (choose another -o FILE)");
        }
    }
    const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        refuse(file, fmt::format("cannot be written: {}", reason_of(errno)));
    }
    return descriptor;
}

} // namespace

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
    std::uint64_t sum = seed ^ bytes.size();
    while (!bytes.empty()) {
        const std::size_t taken = std::min<std::size_t>(bytes.size(), 8);
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), taken);
        sum = (sum ^ word) * 0x9E3779B97F4A7C15ULL;
        sum ^= sum >> 29U;
        bytes = bytes.subspan(taken);
    }
    return sum;
}

bool looks_like_trace(const std::filesystem::path& file) {
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    std::array<char, sizeof(file_head::magic)> start{};
    const ssize_t got = read(descriptor, start.data(), start.size());
    close(descriptor);
    const file_head expected;
    return got == static_cast<ssize_t>(start.size()) &&
           std::memcmp(start.data(), expected.magic, start.size()) == 0;
}

packet_writer::packet_writer(const std::filesystem::path& file,
                             std::uint64_t tick_femtoseconds,
                             std::uint64_t limit_bytes)
    : file_(file)
    , limit_bytes_(limit_bytes)
    , descriptor_(open_for_writing(file))
    , compressor_(ZSTD_createCCtx()) {
    if (compressor_ == nullptr) {
        close(descriptor_);
        throw std::bad_alloc();
    }
    hurry(0);
    file_head head;
    head.tick_picoseconds = static_cast<std::uint32_t>(tick_femtoseconds / 1000);
    head.head_check = checksum(checked_part(head));
    write_all(std::as_bytes(std::span(&head, 1)));
}

packet_writer::~packet_writer() {
    ZSTD_freeCCtx(compressor_);
    close(descriptor_);
}

void packet_writer::append(packet_head head, std::span<const std::byte> payload) {
    if (payload.size() > payload_bytes_max) {
        throw trace_error(fmt::format("{}: a packet of {} bytes is over the limit of {}",
                                      file_.string(),
                                      payload.size(),
                                      payload_bytes_max));
    }
    out_.resize(sizeof head + ZSTD_compressBound(payload.size()));
    const std::size_t stored = ZSTD_compress2(compressor_,
                                              out_.data() + sizeof head,
                                              out_.size() - sizeof head,
                                              payload.data(),
                                              payload.size());
    if (ZSTD_isError(stored) != 0) {
        refuse(file_, ZSTD_getErrorName(stored));
    }
    head.mark = packet_mark;
    head.raw_bytes = static_cast<std::uint32_t>(payload.size());
    head.stored_bytes = static_cast<std::uint32_t>(stored);
    head.payload_check = checksum(std::span(out_).subspan(sizeof head, stored));
    head.head_check = checksum(checked_part(head));
    std::memcpy(out_.data(), &head, sizeof head);
    if (head.kind == packet_kind::events && bytes_ + sizeof head + stored > limit_bytes_) {
        totals_.stop = early_stop::limit;
        refuse(file_, fmt::format("the limit of {} is reached", in_bytes(limit_bytes_)));
    }
    last_.push_back({bytes_, head.kind, head.events});
    if (last_.size() > remembered_packets) {
        last_.pop_front();
    }
    write_all(std::span(out_).first(sizeof head + stored));
    totals_.packets += 1;
    totals_.events += head.events;
    totals_.processes += head.kind == packet_kind::process ? 1U : 0U;
}

void packet_writer::hurry(double backlog) {
    const int level = backlog < quick_from      ? usual_level
                      : backlog < quickest_from ? quick_level
                                                : quickest_level;
    if (level != level_) {
        level_ = level;
        ZSTD_CCtx_setParameter(compressor_, ZSTD_c_compressionLevel, level);
    }
}

void packet_writer::stop_early() {
    const std::uint64_t full = bytes_;
    while (totals_.stop == early_stop::not_writable && full - bytes_ < room_for_endings &&
           !last_.empty() && last_.back().kind == packet_kind::events) {
        totals_.packets -= 1;
        totals_.events -= last_.back().events;
        shorten_to(last_.back().offset);
        last_.pop_back();
    }
}

void packet_writer::finish(std::uint64_t tick_femtoseconds) {
    totals_.tick_femtoseconds = tick_femtoseconds;
    const file_totals final_totals = totals_;
    packet_head head;
    head.kind = packet_kind::end;
    append(
        head,
        std::as_bytes(std::span(&final_totals, 1))
            .first(totals_.stop == early_stop::none ? complete_totals_bytes : sizeof final_totals));
}

/// What lies behind a whole packet was written in vain.
void packet_writer::shorten_to(std::uint64_t bytes) {
    if (ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0 &&
        lseek(descriptor_, static_cast<off_t>(bytes), SEEK_SET) >= 0) {
        bytes_ = bytes;
    }
}

void packet_writer::write_all(std::span<const std::byte> bytes) {
    const std::uint64_t start = bytes_;
    while (!bytes.empty()) {
        const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            totals_.stop = early_stop::not_writable;
            totals_.error = static_cast<std::uint32_t>(errno);
            shorten_to(start);
            if (!last_.empty() && last_.back().offset == start) {
                last_.pop_back();
            }
            refuse(
                file_,
                fmt::format("cannot be written: {}", reason_of(static_cast<int>(totals_.error))));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        bytes_ += static_cast<std::uint64_t>(written);
    }
}

packet_reader::packet_reader(const std::filesystem::path& file)
    : file_(file)
    , descriptor_(open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) {
        refuse(file_, fmt::format("cannot be read: {}", reason_of(errno)));
    }
    try {
        struct stat status {};

        if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
            refuse(file_, "is not a trace (not a regular file)");
        }
        bytes_ = static_cast<std::uint64_t>(status.st_size);
        scan();
        decompressor_ = ZSTD_createDCtx();
        if (decompressor_ == nullptr) {
            throw std::bad_alloc();
        }
    } catch (...) {
        close(descriptor_);
        throw;
    }
}

packet_reader::~packet_reader() {
    ZSTD_freeDCtx(decompressor_);
    close(descriptor_);
}

void packet_reader::fail(std::uint64_t offset, std::string_view reason) const {
    throw trace_error(fmt::format("{}: at byte {}: {}", file_.string(), offset, reason));
}

void packet_reader::read_at(std::uint64_t offset, std::span<std::byte> into) const {
    while (!into.empty()) {
        const ssize_t got =
            pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            fail(offset,
                 got == 0 ? "the file became shorter while it was read"
                          : fmt::format("cannot be read: {}", reason_of(errno)));
        }
        offset += static_cast<std::uint64_t>(got);
        into = into.subspan(static_cast<std::size_t>(got));
    }
}

void packet_reader::scan() {
    file_head head;
    const file_head expected;
    const std::size_t present = std::min<std::size_t>(bytes_, sizeof head);
    read_at(0, std::as_writable_bytes(std::span(&head, 1)).first(present));
    const std::size_t magic_present = std::min(present, sizeof head.magic);
    if (present == 0 || std::memcmp(head.magic, expected.magic, magic_present) != 0) {
        fail(0, "is not a millpond trace");
    }
    if (present < sizeof head) {
        fail(present, "the file ends inside its head");
    }
    if (head.version != trace_version) {
        fail(sizeof head.magic,
             fmt::format("is a trace of version {}, this program reads version "
                         "{}",
                         head.version,
                         trace_version));
    }
    if (head.head_check != checksum(checked_part(head))) {
        fail(0, "the file's head is corrupt");
    }
    tick_femtoseconds_ = std::uint64_t{head.tick_picoseconds} * 1000;
    std::uint64_t offset = sizeof head;
    while (scan_one(offset)) {
    }
    if (tick_femtoseconds_ == 0) {
        fail(sizeof head.magic, "the file gives its clock no rate");
    }
}

/// Checks the packet at `offset` and moves behind it; false at the end of what is there.
bool packet_reader::scan_one(std::uint64_t& offset) {
    packet_place place;
    if (bytes_ - offset < sizeof place.head) {
        return false;
    }
    read_at(offset, std::as_writable_bytes(std::span(&place.head, 1)));
    const packet_head& head = place.head;
    if (head.mark != packet_mark || head.head_check != checksum(checked_part(head))) {
        fail(offset, "the head of a packet is corrupt");
    }
    if (head.raw_bytes > payload_bytes_max || head.kind < packet_kind::events ||
        head.kind > packet_kind::end) {
        fail(offset, "a packet of an unknown kind or size");
    }
    place.offset = offset + sizeof head;
    if (bytes_ - place.offset < head.stored_bytes) {
        return false;
    }
    stored_.resize(head.stored_bytes);
    read_at(place.offset, stored_);
    if (head.payload_check != checksum(stored_)) {
        fail(place.offset, "a packet's content is corrupt");
    }
    offset = place.offset + head.stored_bytes;
    if (head.kind == packet_kind::end) {
        check_end(place, offset);
        return false;
    }
    packets_.push_back(place);
    return true;
}

void packet_reader::check_end(const packet_place& place, std::uint64_t next) {
    file_totals totals;
    const std::size_t size = place.head.raw_bytes;
    if ((size != complete_totals_bytes && size != sizeof totals) ||
        ZSTD_decompress(&totals, size, stored_.data(), stored_.size()) != size ||
        totals.stop > early_stop::limit) {
        fail(place.offset, "the end packet cannot be read");
    }
    if (totals.packets != packets_.size()) {
        fail(place.offset,
             fmt::format(
                 "the file says it has {} packets, {} are here", totals.packets, packets_.size()));
    }
    if (next != bytes_) {
        fail(next, "something follows the end of the trace");
    }
    tick_femtoseconds_ = totals.tick_femtoseconds;
    cut_reason_ = reason_of(totals);
}

void packet_reader::load(const packet_place& place, std::vector<std::byte>& into) {
    stored_.resize(place.head.stored_bytes);
    read_at(place.offset, stored_);
    into.resize(place.head.raw_bytes);
    const std::size_t size = ZSTD_decompressDCtx(
        decompressor_, into.data(), into.size(), stored_.data(), stored_.size());
    if (ZSTD_isError(size) != 0 || size != into.size()) {
        fail(place.offset, "a packet cannot be decompressed");
    }
}

} // namespace millpond::tool
