// SPDX-License-Identifier: MIT
#include "trace/writer.hpp"

#include <bit>
#include <cstring>
#include <map>
#include <span>
#include <utility>

#include "trace/address_table.hpp"
#include "trace/event_code.hpp"
#include "trace/facts.hpp"
#include "trace/packet_file.hpp"
#include <fmt/format.h>

namespace millpond::tool {
namespace {

/// One tick is one nanosecond, so times come back as they were given.
constexpr std::uint64_t tick_femtoseconds = 1'000'000;
constexpr std::size_t packet_bytes = std::size_t{64} << 10U;
constexpr std::uint64_t module_stride = std::uint64_t{1} << 40U;

template <typename Fact>
void put_fact(std::vector<std::byte>& bytes, const Fact& fact) {
    const auto* const from = reinterpret_cast<const std::byte*>(&fact);
    bytes.insert(bytes.end(), from, from + sizeof fact);
}

void put_text(std::vector<std::byte>& bytes, const std::string& text) {
    const auto* const from = reinterpret_cast<const std::byte*>(text.data());
    bytes.insert(bytes.end(), from, from + text.size());
}

/// Events of one thread on their way into packets.
struct thread_buffer {
    std::vector<std::byte> bytes;
    std::vector<std::uint64_t> sites = std::vector<std::uint64_t>(site_slots);
    event_context context;
    packet_head head;
};

struct process_state {
    process head;
    std::map<std::uint32_t, thread_buffer> threads;
    std::vector<std::uint64_t> site_addresses;
    address_table live; // made-up address -> 1
};

std::uint64_t address_of(std::uint64_t block) {
    return (block + 1) * 16;
}

} // namespace

struct trace_writer::state {
    explicit state(const std::filesystem::path& file)
        : name(file)
        , packets(file, tick_femtoseconds) {}

    void write_modules(std::uint32_t number, process_state& one);
    void check(process_state& one, const event& what);
    void flush(thread_buffer& buffer);
    void end(std::uint32_t number, process_state& one);

    std::filesystem::path name;
    packet_writer packets;
    std::vector<process_state> processes;
};

/// Gives every module of the sites a range of its own, far enough apart that none overlap.
void trace_writer::state::write_modules(std::uint32_t number, process_state& one) {
    std::map<std::string, std::uint64_t> bases;
    std::vector<std::byte> bytes;
    for (const call_site& site : one.head.sites) {
        if (site.module.empty()) {
            one.site_addresses.push_back(site.offset);
            continue;
        }
        const auto [place, is_new] = bases.try_emplace(site.module, 0);
        if (is_new) {
            place->second = bases.size() * module_stride;
            module_fact fact;
            fact.path_bytes = static_cast<std::uint32_t>(site.module.size());
            fact.base = place->second;
            fact.first = place->second;
            fact.last = place->second + module_stride - 1;
            put_fact(bytes, fact);
            put_text(bytes, site.module);
        }
        one.site_addresses.push_back(place->second + site.offset);
    }
    packet_head head;
    head.kind = packet_kind::modules;
    head.process = number;
    packets.append(head, bytes);
}

/// Refuses what no program can do, so that a generator's mistake is found where it is made.
void trace_writer::state::check(process_state& one, const event& what) {
    const auto refuse = [&](std::string_view reason) {
        throw trace_error(
            fmt::format("{}: event of block {}: {}", name.string(), what.block, reason));
    };
    const std::uint64_t gone = what.op == operation::free
                                   ? what.block
                                   : (what.op == operation::reallocate ? what.previous : no_block);
    if (gone != no_block) {
        if (one.live.find(address_of(gone)) == nullptr) {
            refuse("it is freed or replaced but not live");
        }
        one.live.erase(address_of(gone));
    }
    if (what.op != operation::free) {
        if (what.block == no_block || one.live.find(address_of(what.block)) != nullptr) {
            refuse("it is allocated twice");
        }
        one.live.put(address_of(what.block), 1);
    }
    if (!one.site_addresses.empty() && what.site >= one.site_addresses.size()) {
        refuse("its site is not in the table");
    }
}

void trace_writer::state::flush(thread_buffer& buffer) {
    if (buffer.head.events == 0) {
        return;
    }
    packets.append(buffer.head, buffer.bytes);
    buffer.head.sequence += 1;
    buffer.head.events = 0;
    buffer.head.first_tick = buffer.context.tick;
    buffer.bytes.clear();
    buffer.sites.assign(site_slots, 0);
    const std::uint64_t tick = buffer.context.tick;
    buffer.context = event_context{};
    buffer.context.tick = tick;
}

void trace_writer::state::end(std::uint32_t number, process_state& one) {
    for (auto& [thread, buffer] : one.threads) {
        flush(buffer);
    }
    ended_fact fact;
    fact.how = static_cast<std::uint32_t>(one.head.end);
    fact.threads = static_cast<std::uint32_t>(one.threads.size());
    fact.lost_events = one.head.lost_events;
    fact.wait_status = one.head.wait_status ? *one.head.wait_status : unknown_wait_status;
    packet_head head;
    head.kind = packet_kind::ended;
    head.process = number;
    packets.append(head, std::as_bytes(std::span(&fact, 1)));
}

trace_writer::trace_writer(const std::filesystem::path& file)
    : state_(std::make_unique<state>(file)) {}

trace_writer::~trace_writer() = default;

std::size_t trace_writer::begin_process(const process& head) {
    const auto number = static_cast<std::uint32_t>(state_->processes.size());
    std::vector<std::byte> bytes;
    put_fact(bytes, process_fact{head.pid, head.parent_pid});
    for (const std::string& word : head.command) {
        put_text(bytes, word);
        bytes.push_back(std::byte{0});
    }
    packet_head packet;
    packet.kind = packet_kind::process;
    packet.process = number;
    state_->packets.append(packet, bytes);
    process_state& one = state_->processes.emplace_back();
    one.head = head;
    state_->write_modules(number, one);
    return number;
}

void trace_writer::append(std::size_t process_index, const event& what) {
    process_state& one = state_->processes.at(process_index);
    state_->check(one, what);
    thread_buffer& buffer = one.threads[what.thread];
    if (buffer.bytes.size() + event_bytes_max > packet_bytes) {
        state_->flush(buffer);
    }
    buffer.head.kind = packet_kind::events;
    buffer.head.process = static_cast<std::uint32_t>(process_index);
    buffer.head.thread = what.thread;
    buffer.context.sites = buffer.sites.data();
    if (what.time_ns < buffer.context.tick) {
        throw trace_error(fmt::format("{}: event of block {}: its time is before the thread's "
                                      "last event",
                                      state_->name.string(),
                                      what.block));
    }
    raw_event raw;
    raw.op = static_cast<std::uint8_t>(what.op);
    raw.tick = what.time_ns;
    raw.size = what.op == operation::free ? 0 : what.size_bytes;
    raw.address = address_of(what.block);
    raw.old_address = what.previous == no_block ? 0 : address_of(what.previous);
    raw.site = one.site_addresses.empty() ? 0 : one.site_addresses[what.site];
    raw.alignment_log2 = static_cast<std::uint8_t>(std::bit_width(what.alignment_bytes | 1U) - 1);
    unsigned char out[event_bytes_max + event_slack_bytes];
    bool entered = false;
    const unsigned char* const end = encode_event(out, buffer.context, raw, entered);
    const auto* const from = reinterpret_cast<const std::byte*>(out);
    buffer.bytes.insert(buffer.bytes.end(), from, from + (end - out));
    buffer.head.events += 1;
}

void trace_writer::finish() {
    for (std::size_t i = 0; i < state_->processes.size(); ++i) {
        state_->end(static_cast<std::uint32_t>(i), state_->processes[i]);
    }
    state_->packets.finish(tick_femtoseconds);
}

} // namespace millpond::tool
