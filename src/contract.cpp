// SPDX-License-Identifier: MIT
/// \file
/// The one line that a broken contract prints. No allocation, no lock, no exception.

#include "millpond/base/contract.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// A line that is cut rather than allocated.
class line {
public:
    [[gnu::format(printf, 2, 3)]] void add(const char* format, ...) noexcept {
        std::va_list values;
        va_start(values, format);
        const std::size_t room = text_.size() - 1 - length_; // one place is the line feed's
        // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is two lines up
        const int wanted = std::vsnprintf(text_.data() + length_, room, format, values);
        va_end(values);
        if (wanted > 0) {
            length_ += std::min(static_cast<std::size_t>(wanted), room - 1);
        }
    }

    void print() noexcept {
        text_[length_] = '\n';
        os::write_error(text_.data(), length_ + 1);
    }

private:
    std::array<char, 256> text_{};
    std::size_t length_ = 0;
};

void add_reason(line& out, const misuse_report& report) noexcept {
    switch (report.reason) {
    case misuse::freed_twice:
        out.add("freed twice");
        return;
    case misuse::never_allocated:
        out.add("never allocated");
        return;
    case misuse::inside_a_block: {
        const auto inside = static_cast<std::size_t>(static_cast<const char*>(report.address) -
                                                     static_cast<const char*>(report.block));
        out.add("%zu byte%s inside the block at %p", inside, inside == 1 ? "" : "s", report.block);
        return;
    }
    case misuse::foreign:
        out.add("not a block of this pool");
        if (report.first != nullptr) {
            out.add(", which is %p to %p", report.first, report.end);
        }
        return;
    case misuse::wrong_size:
        out.add("a block of %zu bytes, freed as %zu bytes aligned to %zu",
                report.block_bytes,
                report.freed_bytes,
                report.freed_alignment);
        return;
    case misuse::pool_destroyed:
        out.add("the pool is destroyed");
        return;
    case misuse::pool_moved_from:
        out.add("the pool was moved from");
        return;
    case misuse::pool_cleared:
        out.add("the pool was cleared");
        return;
    case misuse::not_live:
        out.add("no live object");
        return;
    case misuse::no_pool:
        out.add("the owner has no pool");
        return;
    case misuse::given_back:
        out.add("freed before, or the arena was rewound past it");
        return;
    }
}

/// The whole sentence, because what was refused differs with the reason.
void add_sentence(line& out, const call_report& report) noexcept {
    switch (report.reason) {
    case call_misuse::foreign_mark:
        out.add("rewind to %p: a mark of another arena", report.position);
        return;
    case call_misuse::stale_mark:
        out.add("rewind to %p: the arena was rewound past this mark before", report.position);
        return;
    case call_misuse::inside_a_rewind:
        out.add("rewind to %p: by a destructor that a rewind runs, past what it destroys",
                report.position);
        return;
    case call_misuse::record_overwritten:
        out.add("rewind past %p: the record of its destructor was overwritten", report.position);
        return;
    case call_misuse::under_construction:
        out.add("object at %p: its constructor rewound the arena past it", report.position);
        return;
    case call_misuse::arena_destroyed:
        out.add("rewind to %p: the pool is destroyed", report.position);
        return;
    case call_misuse::pool_destroyed:
        out.add("allocation: the pool is destroyed");
        return;
    case call_misuse::bad_alignment:
        out.add("allocation with alignment %zu: not a power of two", report.alignment);
        return;
    }
}

void print_leak(const char* pool_name, std::size_t live_blocks, std::size_t block_bytes) noexcept {
    line out;
    out.add("millpond: pool '%s': destroyed with %zu live block%s of %zu bytes",
            pool_name,
            live_blocks,
            live_blocks == 1 ? "" : "s",
            block_bytes);
    out.print();
}

} // namespace

misuse_report misuse_report::of(const void* address,
                                const std::byte* first_block,
                                std::size_t block_bytes,
                                std::size_t blocks) noexcept {
    misuse_report report;
    report.address = address;
    report.first = first_block;
    report.end = first_block + blocks * block_bytes;
    const std::size_t offset =
        reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(first_block);
    if (offset < blocks * block_bytes) {
        const std::size_t inside = offset % block_bytes;
        report.reason = inside == 0 ? misuse::freed_twice : misuse::inside_a_block;
        report.block = first_block + (offset - inside);
    }
    return report;
}

void stop_on_misuse(const misuse_report& report) noexcept {
    line out;
    out.add("millpond: ");
    if (report.pool_name != nullptr) {
        out.add("pool '%s': ", report.pool_name);
    }
    out.add("%s of %p: ", report.what, report.address);
    add_reason(out, report);
    out.print();
    std::abort();
}

void stop_on_misuse(const call_report& report) noexcept {
    line out;
    out.add("millpond: pool '%s': ", report.pool_name);
    add_sentence(out, report);
    out.print();
    std::abort();
}

void refuse_alignment(const pool_name& name, std::size_t alignment) noexcept {
    stop_on_misuse(call_report{
        .pool_name = name.c_str(), .reason = call_misuse::bad_alignment, .alignment = alignment});
}

void stop_without_resource() noexcept {
    line out;
    out.add("millpond: pool_allocator: made without a resource, and no default one is set");
    out.print();
    std::abort();
}

void report_leak(const char* pool_name, std::size_t live_blocks, std::size_t block_bytes) noexcept {
    print_leak(pool_name, live_blocks, block_bytes);
}

void report_mixed_leak(const char* pool_name, std::size_t live_blocks, std::size_t bytes) noexcept {
    line out;
    out.add("millpond: pool '%s': destroyed with %zu live block%s, %zu bytes in all",
            pool_name,
            live_blocks,
            live_blocks == 1 ? "" : "s",
            bytes);
    out.print();
}

void stop_on_leak(const char* pool_name,
                  std::size_t live_blocks,
                  std::size_t block_bytes) noexcept {
    print_leak(pool_name, live_blocks, block_bytes);
    std::abort();
}

} // namespace detail

MILLPOND_NAMESPACE_END
