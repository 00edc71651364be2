// SPDX-License-Identifier: MIT
#include "record/collector.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <new>
#include <span>
#include <system_error>
#include <utility>

#include "record/process_facts.hpp"
#include "trace/event_code.hpp"
#include "trace/facts.hpp"
#include <fmt/format.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace millpond::tool {
namespace {

[[noreturn]] void refuse(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::span<const std::byte> payload_of(const buffer_head& buffer, std::size_t bytes) {
    const auto* const sites = reinterpret_cast<const std::uint64_t*>(&buffer + 1);
    constexpr std::size_t room =
        buffer_bytes - sizeof(buffer_head) - site_slots * sizeof(std::uint64_t);
    return std::as_bytes(std::span(sites + site_slots, room / sizeof *sites))
        .first(std::min(bytes, room));
}

ending ending_of(std::uint32_t flags) {
    if ((flags & process_flag::exited) != 0) {
        return ending::exited;
    }
    return (flags & process_flag::replaced) != 0 ? ending::replaced : ending::killed;
}

} // namespace

collector::collector(clock_source clock)
    : descriptor_(memfd_create("millpond_record", MFD_CLOEXEC)) {
    if (descriptor_ < 0) {
        refuse("memfd_create");
    }

    struct stat status {};

    void* memory = MAP_FAILED;
    if (ftruncate(descriptor_, static_cast<off_t>(area_bytes)) == 0 &&
        stat("/proc/self/ns/pid", &status) == 0) {
        memory = mmap(nullptr,
                      area_bytes,
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE,
                      descriptor_,
                      0);
    }
    if (memory == MAP_FAILED) {
        const int error = errno;
        close(descriptor_);
        throw std::system_error(error, std::generic_category(), "the memory for recording");
    }
    area_ = static_cast<shared_area*>(memory); // fresh pages are zero: everything unused
    area_->pid_namespace = status.st_ino;
    area_->clock = clock;
    area_->magic = area_magic;
}

collector::~collector() {
    for (const auto& [slot, process] : known_) {
        if (process.descriptor >= 0) {
            close(process.descriptor);
        }
    }
    munmap(area_, area_bytes);
    close(descriptor_);
}

std::string collector::area_path() const {
    return fmt::format("/proc/{}/fd/{}", getpid(), descriptor_);
}

std::uint32_t collector::refused_processes() const noexcept {
    return area_->refused.load(std::memory_order_relaxed);
}

std::uint32_t collector::unmapped_processes() const noexcept {
    return area_->unmapped.load(std::memory_order_relaxed);
}

std::uint32_t collector::bypassed_processes() const noexcept {
    return area_->bypassed.load(std::memory_order_relaxed);
}

std::string collector::first_heap() const {
    return {area_->first_heap, strnlen(area_->first_heap, sizeof area_->first_heap)};
}

std::vector<left_process> collector::left_behind() const {
    struct stat own {};

    fstat(descriptor_, &own);
    return processes_that_map(own.st_ino);
}

std::uint32_t collector::used_buffers() const noexcept {
    return std::min(area_->fresh.load(std::memory_order_relaxed), buffers_max);
}

/// Notices new processes.
void collector::discover() {
    // A process may become active behind the scan and start another one before it; looking again
    // finds the first. A process killed while it registered leaves a gap that stays.
    for (int rescans = 3; rescans > 0 && !scan_slots(); --rescans) {
    }
}

/// Looks at every slot once; true when every registered process has been seen.
bool collector::scan_slots() {
    const std::uint32_t registered = area_->registrations.load(std::memory_order_relaxed);
    if (registered == discovered_) {
        return true;
    }
    std::vector<std::pair<std::uint64_t, std::uint32_t>> fresh;
    for (std::uint32_t slot = 0; slot < processes_max; ++slot) {
        // Pairs with the release of `active` in the process: its numbers are there.
        const bool active =
            area_->processes[slot].state.load(std::memory_order_acquire) == process_state::active;
        if (active && !known_.contains(slot)) {
            fresh.emplace_back(area_->processes[slot].registration, slot);
        }
    }
    std::sort(fresh.begin(), fresh.end());
    for (const auto& [registration, slot] : fresh) {
        const std::uint32_t pid = area_->processes[slot].pid;
        const auto old = std::find_if(
            known_.begin(), known_.end(), [&](const auto& one) { return one.second.pid == pid; });
        if (old != known_.end()) { // the same process, after exec
            finish(old->first, ending::replaced);
        }
        known_process one;
        one.pid = pid;
        one.registration = registration;
        one.descriptor = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
        known_.emplace(slot, one);
        discovered_ += 1;
    }
    return discovered_ >= registered;
}

bool collector::collect() {
    discover();
    if (writer_ != nullptr) {
        writer_->hurry(static_cast<double>(area_->full.load(std::memory_order_relaxed)) /
                       full_buffers_max);
    }
    bool found = false;
    for (std::uint32_t index = 0; index < used_buffers(); ++index) {
        // Pairs with the release in hand_over: the content is complete.
        if (area_->states[index].load(std::memory_order_acquire) == buffer_state::full) {
            found = take(index) || found;
        }
    }
    return found;
}

/// Writes a full buffer; false when it must wait, because its process is not announced yet.
bool collector::take(std::uint32_t index) {
    const buffer_head& buffer = *buffer_at(area_, index);
    const auto owner = known_.find(buffer.process);
    if (owner == known_.end()) {
        return false;
    }
    known_process& process = owner->second;
    const bool announces = buffer.kind == static_cast<std::uint32_t>(packet_kind::process);
    if (announces ? !is_next(process) : !process.numbered) {
        return false;
    }
    if (announces) {
        announce(process, buffer);
    } else {
        write(buffer, process);
    }
    empty(index, buffer_state::full);
    return true;
}

/// True when every process that registered earlier has been announced.
bool collector::is_next(const known_process& process) const {
    return std::none_of(known_.begin(), known_.end(), [&](const auto& other) {
        return !other.second.numbered && other.second.registration < process.registration;
    });
}

void collector::announce(known_process& process, const buffer_head& from) {
    process.number = next_number_;
    process.numbered = true;
    process.in_trace = write(from, process);
    next_number_ += process.in_trace ? 1U : 0U;
}

bool collector::write(const buffer_head& from, const known_process& process) {
    // Pairs with the release in inside::record: the bytes are there before their count is.
    const std::uint64_t published = from.published.load(std::memory_order_acquire);
    packet_head head;
    head.kind = static_cast<packet_kind>(from.kind);
    head.process = process.number;
    head.thread = from.thread;
    head.sequence = from.sequence;
    head.events = static_cast<std::uint32_t>(published >> 32U);
    head.first_tick = from.first_tick;
    return append(head, payload_of(from, published & 0xFFFFFFFF));
}

/// Writing may fail at any time; the recorded processes must not notice. Once it has, only endings
/// are still written. False when nothing was.
bool collector::append(const packet_head& head, std::span<const std::byte> payload) {
    if (writer_ == nullptr || (!failure_.empty() && head.kind != packet_kind::ended)) {
        return false;
    }
    try {
        writer_->append(head, payload);
        return true;
    } catch (const std::exception& error) {
        if (failure_.empty()) {
            failure_ = error.what();
            area_->stopped.store(1, std::memory_order_relaxed);
            writer_->stop_early();
        }
        return false;
    }
}

/// Gives a buffer back and lets those go on who wait for one.
void collector::empty(std::uint32_t index, std::uint32_t old_state) {
    give_buffer(area_, index);
    if (old_state == buffer_state::full) {
        area_->full.fetch_sub(1, std::memory_order_seq_cst);
    }
    area_->room.fetch_add(1, std::memory_order_seq_cst);
    if (area_->waiting.load(std::memory_order_seq_cst) != 0) {
        syscall(SYS_futex, &area_->room, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
    }
}

/// Writes what a process left in its buffers, and its end.
void collector::finish(std::uint32_t slot, ending how) {
    known_process& process = known_.at(slot);
    process_slot& shared = area_->processes[slot];
    for (const packet_kind wanted :
         {packet_kind::process, packet_kind::modules, packet_kind::events}) {
        for (std::uint32_t index = 0; index < used_buffers(); ++index) {
            const std::uint32_t state = area_->states[index].load(std::memory_order_acquire);
            const buffer_head& buffer = *buffer_at(area_, index);
            if (state == buffer_state::unused || buffer.process != slot ||
                buffer.kind != static_cast<std::uint32_t>(wanted)) {
                continue;
            }
            const bool has_content = buffer.published.load(std::memory_order_acquire) != 0;
            if (wanted == packet_kind::process && state == buffer_state::full) {
                announce(process, buffer);
            } else if (process.numbered && has_content &&
                       (state == buffer_state::full || wanted == packet_kind::events)) {
                write(buffer, process);
            }
            // A process that still runs keeps the buffer it is writing into.
            if (how != ending::running || state == buffer_state::full) {
                empty(index, state);
            }
        }
    }
    if (process.in_trace) {
        ended_fact fact;
        fact.how = static_cast<std::uint32_t>(how);
        fact.wait_status = how == ending::exited || how == ending::killed
                               ? wait_status_of(process.pid, process.descriptor)
                               : unknown_wait_status;
        fact.threads = shared.threads.load(std::memory_order_relaxed);
        fact.lost_events = shared.lost_events.load(std::memory_order_relaxed);
        lost_events_ += fact.lost_events;
        packet_head head;
        head.kind = packet_kind::ended;
        head.process = process.number;
        append(head, std::as_bytes(std::span(&fact, 1)));
    }
    if (process.descriptor >= 0) {
        close(process.descriptor);
    }
    known_.erase(slot);
    if (how != ending::running) {
        // Pairs with the acquire in enter(): the slot's buffers are gone before it is reused.
        shared.state.store(process_state::unused, std::memory_order_release);
    }
}

bool collector::has_ended(const known_process& process) {
    if (process.descriptor < 0) {
        return (kill(static_cast<pid_t>(process.pid), 0) != 0 && errno == ESRCH) ||
               wait_status_of(process.pid, -1) != unknown_wait_status;
    }
    pollfd one{process.descriptor, POLLIN, 0};
    return poll(&one, 1, 0) > 0;
}

void collector::bury() {
    discover();
    std::vector<std::uint32_t> ended;
    for (const auto& [slot, process] : known_) {
        if (has_ended(process)) {
            ended.push_back(slot);
        }
    }
    for (const std::uint32_t slot : ended) {
        finish(slot, ending_of(area_->processes[slot].flags.load(std::memory_order_relaxed)));
    }
}

void collector::reap_threads() {
    for (std::uint32_t index = 0; index < used_buffers(); ++index) {
        const buffer_head& buffer = *buffer_at(area_, index);
        if (area_->states[index].load(std::memory_order_acquire) != buffer_state::owned ||
            buffer.thread_id == 0) {
            continue;
        }
        const auto owner = known_.find(buffer.process);
        if (owner == known_.end() || !owner->second.numbered) {
            continue;
        }
        const std::string task =
            fmt::format("/proc/{}/task/{}", owner->second.pid, buffer.thread_id);
        // The state is read again: the thread may have handed the buffer over just before its end.
        if (access(task.c_str(), F_OK) != 0 && errno == ENOENT &&
            area_->states[index].load(std::memory_order_acquire) == buffer_state::owned) {
            write(buffer, owner->second);
            empty(index, buffer_state::owned);
        }
    }
}

void collector::stop() {
    bury();
    area_->stopped.store(1, std::memory_order_relaxed);
    while (!known_.empty()) {
        const std::uint32_t slot = known_.begin()->first;
        finish(slot, ending::running);
    }
}

void collector::wait(int extra, int milliseconds) {
    polled_.assign(1, pollfd{extra, POLLIN, 0});
    for (const auto& [slot, process] : known_) {
        if (process.descriptor >= 0) {
            polled_.push_back(pollfd{process.descriptor, POLLIN, 0});
        }
    }
    poll(polled_.data(), polled_.size(), milliseconds);
}

} // namespace millpond::tool
