// SPDX-License-Identifier: MIT
#include "trace/reader.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <utility>

#include "trace/facts.hpp"
#include "trace/merge.hpp"
#include "trace/packet_file.hpp"
#include "trace/site_table.hpp"

namespace millpond::tool {
namespace {

/// How long a misplaced event waits for the one that explains it: far more than a processor
/// reorders or two processors' clocks differ.
constexpr std::uint64_t window_ns = 100'000;
constexpr std::uint64_t femtoseconds_per_ns = 1'000'000;

/// Where the packets of one process lie, and what is needed to read them.
struct process_index {
    std::uint64_t start_tick = 0;
    std::map<std::uint32_t, std::vector<const packet_place*>> threads;
    std::vector<const packet_place*> module_packets;
    bool ended = false;
};

template <typename Fact>
bool take_fact(std::span<const std::byte>& bytes, Fact& fact) {
    if (bytes.size() < sizeof fact) {
        return false;
    }
    std::memcpy(&fact, bytes.data(), sizeof fact);
    bytes = bytes.subspan(sizeof fact);
    return true;
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> split_command(const std::string& text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\0', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

bool earlier(const packet_place* a, const packet_place* b) {
    return a->head.sequence < b->head.sequence;
}

operation operation_of(std::uint8_t op) {
    return static_cast<operation>(op);
}

} // namespace

struct trace_reader::state {
    explicit state(const std::filesystem::path& file)
        : packets(file) {
        for (const packet_place& place : packets.packets()) {
            take(place);
        }
        for (std::size_t i = 0; i < index.size(); ++i) {
            close(i);
        }
    }

    void take(const packet_place& place);
    void take_process(const packet_place& place);
    void take_end(const packet_place& place);
    void close(std::size_t which);
    [[nodiscard]] std::vector<module_list> load_modules(const process_index& from);
    [[nodiscard]] std::uint64_t nanoseconds(std::uint64_t ticks) const;

    packet_reader packets;
    std::vector<process> processes;
    std::vector<process_index> index;
    std::vector<std::byte> payload;
};

void trace_reader::state::take(const packet_place& place) {
    const packet_head& head = place.head;
    if (head.kind == packet_kind::process) {
        take_process(place);
        return;
    }
    if (head.process >= processes.size()) {
        packets.fail(place.offset, "a packet of a process that never began");
    }
    process_index& where = index[head.process];
    switch (head.kind) {
    case packet_kind::events:
        where.threads[head.thread].push_back(&place);
        processes[head.process].events += head.events;
        break;
    case packet_kind::modules:
        where.module_packets.push_back(&place);
        break;
    default:
        take_end(place);
        break;
    }
}

void trace_reader::state::take_process(const packet_place& place) {
    if (place.head.process != processes.size()) {
        packets.fail(place.offset, "the processes are out of order");
    }
    packets.load(place, payload);
    std::span<const std::byte> bytes = payload;
    process_fact fact;
    if (!take_fact(bytes, fact)) {
        packets.fail(place.offset, "a process without its numbers");
    }
    process one;
    one.pid = fact.pid;
    one.parent_pid = fact.parent_pid;
    one.command = split_command(text_of(bytes));
    one.end = ending::running;
    processes.push_back(std::move(one));
    index.emplace_back().start_tick = place.head.first_tick;
}

void trace_reader::state::take_end(const packet_place& place) {
    packets.load(place, payload);
    const std::span<const std::byte> bytes = payload;
    ended_fact fact;
    if (bytes.size() < ended_fact_bytes_min) {
        packets.fail(place.offset, "an ending that is cut short");
    }
    std::memcpy(&fact, bytes.data(), std::min(bytes.size(), sizeof fact));
    if (fact.how > static_cast<std::uint32_t>(ending::running)) {
        packets.fail(place.offset, "an unknown ending of a process");
    }
    processes[place.head.process].end = static_cast<ending>(fact.how);
    processes[place.head.process].lost_events = fact.lost_events;
    if (fact.wait_status != unknown_wait_status) {
        processes[place.head.process].wait_status = static_cast<int>(fact.wait_status);
    }
}

/// Brings the packets of a process into order and checks that none is missing in between.
void trace_reader::state::close(std::size_t which) {
    process_index& where = index[which];
    std::sort(where.module_packets.begin(), where.module_packets.end(), earlier);
    for (auto& [thread, list] : where.threads) {
        std::sort(list.begin(), list.end(), earlier);
        for (std::size_t i = 0; i < list.size(); ++i) {
            // A cut file may lack packets anywhere in a thread: what follows the gap is unusable.
            if (list[i]->head.sequence != i) {
                if (packets.cut_reason().empty()) {
                    packets.fail(list[i]->offset, "a packet of this thread is missing before it");
                }
                for (std::size_t rest = i; rest < list.size(); ++rest) {
                    processes[which].events -= list[rest]->head.events;
                }
                list.resize(i);
            }
        }
    }
    processes[which].threads = static_cast<std::uint32_t>(where.threads.size());
}

std::vector<module_list> trace_reader::state::load_modules(const process_index& from) {
    std::vector<module_list> lists;
    for (const packet_place* const place : from.module_packets) {
        packets.load(*place, payload);
        std::span<const std::byte> bytes = payload;
        while (!bytes.empty()) {
            module_fact fact;
            if (!take_fact(bytes, fact) || bytes.size() < fact.path_bytes) {
                packets.fail(place->offset, "a list of modules that ends inside an entry");
            }
            if (lists.empty() || lists.back().number != fact.list) {
                lists.push_back(module_list{place->head.first_tick, fact.list, {}});
            }
            lists.back().modules.push_back(module_range{
                fact.base, fact.first, fact.last, text_of(bytes.first(fact.path_bytes))});
            bytes = bytes.subspan(fact.path_bytes);
        }
    }
    return lists;
}

/// Exact for any span of ticks: split so that the product stays within 64 bits.
std::uint64_t trace_reader::state::nanoseconds(std::uint64_t ticks) const {
    const std::uint64_t rate = packets.tick_femtoseconds();
    const std::uint64_t whole = ticks / femtoseconds_per_ns;
    const std::uint64_t rest = ticks % femtoseconds_per_ns;
    return whole * rate + rest * rate / femtoseconds_per_ns;
}

trace_reader::trace_reader(const std::filesystem::path& file)
    : state_(std::make_unique<state>(file)) {}

trace_reader::~trace_reader() = default;
trace_reader::trace_reader(trace_reader&&) noexcept = default;
trace_reader& trace_reader::operator=(trace_reader&&) noexcept = default;

const std::vector<process>& trace_reader::processes() const noexcept {
    return state_->processes;
}

bool trace_reader::truncated() const noexcept {
    return !cut_reason().empty();
}

const std::string& trace_reader::cut_reason() const noexcept {
    return state_->packets.cut_reason();
}

void trace_reader::for_each(std::size_t process_index,
                            const std::function<void(const event&)>& body) {
    const auto& where = state_->index.at(process_index);
    std::vector<thread_stream> streams;
    std::vector<std::uint32_t> names;
    for (const auto& [thread, list] : where.threads) {
        streams.emplace_back(list);
        names.push_back(thread);
    }
    site_table sites(state_->load_modules(where));
    const std::uint64_t window =
        window_ns * femtoseconds_per_ns / state_->packets.tick_femtoseconds();
    event_merge merge(state_->packets, std::move(streams), window);
    std::uint64_t last_tick = where.start_tick;
    merge.run([&](const merged_event& from) {
        last_tick = std::max(last_tick, from.raw.tick);
        event what;
        what.op = operation_of(from.raw.op);
        what.thread = names[from.thread];
        what.time_ns = state_->nanoseconds(last_tick - where.start_tick);
        what.size_bytes = what.op == operation::free ? 0 : from.raw.size;
        what.alignment_bytes = what.op == operation::allocate_aligned
                                   ? std::uint64_t{1} << from.raw.alignment_log2
                                   : 0;
        what.block = from.block;
        what.previous = from.previous;
        what.site = sites.index_of(from.raw.site, from.raw.tick);
        body(what);
    });
    process& tables = state_->processes[process_index];
    tables.events = merge.delivered();
    tables.unmatched_frees = merge.unmatched_frees();
    tables.inferred_frees = merge.inferred_frees();
    tables.sites = sites.take_sites();
}

} // namespace millpond::tool
