// SPDX-License-Identifier: MIT
#include "record/inside.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "record/inside_buffer.hpp"
#include "trace/facts.hpp"
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace millpond::tool::inside {
namespace {

shared_area* area = nullptr;
process_slot* slot = nullptr;
std::uint32_t slot_index = 0;
pid_t pid = 0;
pthread_key_t key;
bool has_key = false;
bool exiting = false; // the exit handlers run
bool ended = false;   // the recording is over, or this process takes no part
char area_path[64];
std::atomic<std::uint32_t> turns{0}; // how often `writer` changed hands since a buffer was begun

/// More changes than this in a buffer's time, and the word costs more than the clock does.
constexpr std::uint32_t turns_max = 64;

/// A shorter time between two readings of the clock, six microseconds or so, and the next may wait longer.
std::uint64_t hasty_ticks() noexcept {
    return has_counter ? 1024 : 6400; // ticks of some 6 ns, or nanoseconds
}

/// Finds `name`=value in the environment the program was started with, which is there before the C
/// library has set up `environ`.
bool find_variable(const char* name, char* value, std::size_t size) noexcept {
    const int descriptor = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    const std::size_t name_length = std::strlen(name);
    char chunk[4096];
    std::size_t matched = 0; // characters of "name=" seen, or SIZE_MAX inside another variable
    std::size_t length = 0;
    bool found = false;
    for (ssize_t got = 0; !found && (got = read(descriptor, chunk, sizeof chunk)) > 0;) {
        for (ssize_t i = 0; i < got && !found; ++i) {
            const char c = chunk[i];
            if (matched == name_length + 1) {
                value[length++] = c;
                found = c == '\0';
                if (length == size) {
                    break;
                }
            } else if (c == '\0') {
                matched = 0;
            } else if (matched != SIZE_MAX && c == (matched < name_length ? name[matched] : '=')) {
                matched += 1;
            } else {
                matched = SIZE_MAX;
            }
        }
        if (length == size) {
            break;
        }
    }
    close(descriptor);
    return found;
}

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen) noexcept {
    const timespec limit{0, 20'000'000};
    syscall(SYS_futex, &word, FUTEX_WAIT, seen, &limit, nullptr, 0);
}

/// Waits until the recorder has written something; false when it is not there any more.
bool wait_for_room() noexcept {
    area->waiting.fetch_add(1, std::memory_order_seq_cst);
    const std::uint32_t seen = area->room.load(std::memory_order_seq_cst);
    if (area->full.load(std::memory_order_seq_cst) >= full_buffers_max) {
        futex_wait(area->room, seen);
    }
    area->waiting.fetch_sub(1, std::memory_order_relaxed);
    return access(area_path, F_OK) == 0;
}

void leave() noexcept {
    ended = true;
    page.recording = 0;
}

void give_up_buffer(thread_state& mine) noexcept {
    hand_over(mine.index);
    mine.buffer = nullptr;
    mine.cursor = nullptr;
    mine.limit = nullptr;
}

void thread_ends(void* /*value*/) noexcept {
    thread_state& mine = self;
    mine.armed = false; // an event after this one arms it again
    if (mine.quick == inside_recorder || mine.buffer == nullptr || page.recording == 0) {
        return;
    }
    mine.quick = inside_recorder;
    give_up_buffer(mine);
    mine.quick = 0;
}

/// Says who this process is and what it was called with.
void write_process() noexcept {
    fact_buffer facts(packet_kind::process, 0);
    const process_fact fact{static_cast<std::uint32_t>(pid), static_cast<std::uint32_t>(getppid())};
    facts.put(&fact, sizeof fact);
    const int descriptor = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        char chunk[2048];
        for (ssize_t got = 0; (got = read(descriptor, chunk, sizeof chunk)) > 0;) {
            const auto size = static_cast<std::size_t>(got);
            if (!facts.put(chunk, size)) {
                break; // a command longer than a buffer is cut
            }
        }
        close(descriptor);
    }
}

/// Takes a slot for this process and announces it; false when there is none.
bool enter() noexcept {
    pid = getpid();
    for (std::uint32_t i = 0; i < processes_max; ++i) {
        process_slot& candidate = area->processes[i];
        std::uint32_t expected = process_state::unused;
        if (candidate.state.load(std::memory_order_relaxed) != expected ||
            !candidate.state.compare_exchange_strong(
                expected, process_state::claimed, std::memory_order_acquire)) {
            continue;
        }
        candidate.flags.store(exiting ? process_flag::exited : 0, std::memory_order_relaxed);
        candidate.threads.store(0, std::memory_order_relaxed);
        candidate.lost_events.store(0, std::memory_order_relaxed);
        candidate.pid = static_cast<std::uint32_t>(pid);
        candidate.registration = area->registrations.fetch_add(1, std::memory_order_relaxed);
        slot = &candidate;
        slot_index = i;
        // Pairs with the acquire in the recorder: it reads the fields above.
        candidate.state.store(process_state::active, std::memory_order_release);
        page.recording = 1;
        write_process();
        reset_modules();
        note_modules();
        return true;
    }
    area->refused.fetch_add(1, std::memory_order_relaxed);
    return false;
}

/// In a forked child: the parent's buffer is not ours, everything starts anew.
bool start_in_child(thread_state& mine) noexcept {
    mine = thread_state{};
    mine.quick = inside_recorder;
    if (!enter()) {
        leave();
        return false;
    }
    return true;
}

/// Tells the recorder that this process has no room for the area: one page is mapped all the same.
void count_unmapped(int descriptor) noexcept {
    void* const memory =
        mmap(nullptr, counters_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory != MAP_FAILED) {
        static_cast<shared_area*>(memory)->unmapped.fetch_add(1, std::memory_order_relaxed);
        munmap(memory, counters_bytes);
    }
}

bool open_area() noexcept {
    const int descriptor = open(area_path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }

    struct stat status {};

    void* memory = MAP_FAILED;
    if (fstat(descriptor, &status) == 0 && status.st_size == static_cast<off_t>(area_bytes)) {
        memory = mmap(
            nullptr, area_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
    }
    if (memory == MAP_FAILED) {
        count_unmapped(descriptor);
    }
    close(descriptor);
    if (memory == MAP_FAILED) {
        return false;
    }
    area = static_cast<shared_area*>(memory);
    if (area->magic != area_magic || stat("/proc/self/ns/pid", &status) != 0 ||
        status.st_ino != area->pid_namespace) {
        munmap(memory, area_bytes);
        area = nullptr;
        return false;
    }
    return true;
}

void forked() noexcept {
    page.recording = 0;
}

bool guard_page() noexcept {
    // Kernels before 4.14, or with larger pages, cannot wipe it: then only the C library's fork is
    // noticed.
    return madvise(&page, sizeof page, MADV_WIPEONFORK) == 0 ||
           pthread_atfork(nullptr, nullptr, forked) == 0;
}

/// Counts an event that arrived while this thread was inside the recorder.
void count_lost() noexcept {
    if (page.recording != 0 && slot != nullptr) {
        slot->lost_events.fetch_add(1, std::memory_order_relaxed);
    }
}

/// Makes this thread the one that may go without the clock, unless too many want to be that.
void take_turn(thread_state& mine) noexcept {
    const thread_state* const last = writer.load(std::memory_order_relaxed);
    if (last == &mine || last == nullptr) {
        return;
    }
    const bool few = turns.fetch_add(1, std::memory_order_relaxed) < turns_max;
    writer.exchange(few ? &mine : nullptr, std::memory_order_seq_cst);
}

/// Brings the thread's idea of the time up to date; it never runs backwards. The one who recorded last
/// is asked for first: whatever that thread did before is older than the reading.
std::uint64_t read_clock(thread_state& mine) noexcept {
    take_turn(mine);
    const std::uint64_t tick = now();
    return tick < mine.context.tick ? mine.context.tick : tick;
}

/// Gets this thread a buffer with room for an event; false when nothing is to be recorded.
bool make_room(thread_state& mine) noexcept {
    if (ended) {
        return false;
    }
    const int error = errno;
    bool fine = page.recording != 0 || start_in_child(mine);
    if (fine && mine.buffer != nullptr) {
        give_up_buffer(mine);
    }
    mine.buffer = fine ? claim_buffer(packet_kind::events, mine.index) : nullptr;
    if (mine.buffer == nullptr) {
        count_lost();
        errno = error;
        return false;
    }
    if (!mine.numbered) {
        mine.thread = slot->threads.fetch_add(1, std::memory_order_relaxed);
        mine.numbered = true;
    }
    mine.buffer->thread = mine.thread;
    mine.buffer->sequence = mine.sequence++;
    mine.buffer->thread_id = static_cast<std::uint32_t>(syscall(SYS_gettid));
    turns.store(0, std::memory_order_relaxed);
    writer.exchange(&mine, std::memory_order_seq_cst);
    mine.buffer->first_tick = read_clock(mine);
    auto* const sites = reinterpret_cast<std::uint64_t*>(mine.buffer + 1);
    std::memset(sites, 0, site_slots * sizeof *sites);
    mine.context = event_context{};
    mine.context.tick = mine.buffer->first_tick;
    mine.context.sites = sites;
    mine.cursor = reinterpret_cast<unsigned char*>(sites + site_slots);
    mine.limit = reinterpret_cast<unsigned char*>(mine.buffer) + buffer_bytes -
                 (quick_events_max + 1) * event_bytes_max - event_slack_bytes;
    if (!mine.armed && has_key) {
        mine.armed = pthread_setspecific(key, &mine) == 0;
    }
    note_modules();
    errno = error;
    return true;
}

} // namespace

constinit thread_local thread_state self{};
constinit wiped_page page{};
constinit std::atomic<thread_state*> writer{nullptr};
bool has_counter = false;

void join() noexcept {
    const int error = errno;
    self.quick = inside_recorder;
    if (find_variable(area_variable, area_path, sizeof area_path) && open_area()) {
        has_counter = area->clock == clock_source::time_stamp_counter;
        has_key = pthread_key_create(&key, thread_ends) == 0;
        if (!guard_page() || !keep_loader_through_forks() || !enter()) {
            leave();
        }
    } else {
        ended = true;
    }
    self.quick = 0;
    errno = error;
}

void note_bypass() noexcept {
    if (page.recording == 0 || self.quick == inside_recorder) {
        return;
    }
    // A call that reaches this thread inside the recorder is counted as lost, and nothing else.
    const std::int32_t quick = self.quick;
    const std::uint64_t before = slot->lost_events.load(std::memory_order_relaxed);
    self.quick = inside_recorder;
    free(malloc(1));
    self.quick = quick;
    const bool reached = slot->lost_events.load(std::memory_order_relaxed) != before;
    slot->lost_events.store(before, std::memory_order_relaxed);
    if (reached || area->bypassed.fetch_add(1, std::memory_order_relaxed) != 0) {
        return;
    }
    Dl_info where{};
    Dl_info own{};
    void* const first = dlsym(RTLD_DEFAULT, "malloc");
    // Where the first one is the recorder's all the same, calls are redirected on their way.
    if (first != nullptr && dladdr(first, &where) != 0 && where.dli_fname != nullptr &&
        dladdr(&page, &own) != 0 && own.dli_fbase != where.dli_fbase) {
        std::strncpy(area->first_heap, where.dli_fname, sizeof area->first_heap - 1);
    }
}

void set_flag(std::uint32_t flag) noexcept {
    // A forked child may use its heap for the first time in an exit handler later than ours.
    exiting = exiting || flag == process_flag::exited;
    // In a vforked child the memory is the parent's, and so would the flag be. How a process ends is told
    // even when it is no longer recorded.
    if (slot != nullptr && getpid() == pid) {
        slot->flags.fetch_or(flag, std::memory_order_relaxed);
    }
}

void clear_flag(std::uint32_t flag) noexcept {
    if (slot != nullptr && getpid() == pid) {
        slot->flags.fetch_and(~flag, std::memory_order_relaxed);
    }
}

buffer_head* claim_buffer(packet_kind kind, std::uint32_t& index) noexcept {
    for (;;) {
        if (area->stopped.load(std::memory_order_relaxed) != 0) {
            leave();
            return nullptr;
        }
        const std::uint32_t full = area->full.load(std::memory_order_relaxed);
        index = full < full_buffers_max ? take_buffer(area) : buffers_max;
        if (index < buffers_max) {
            break;
        }
        if (full == 0) {
            return nullptr; // every buffer belongs to a live thread: nothing will come free
        }
        if (!wait_for_room()) {
            leave();
            return nullptr;
        }
    }
    buffer_head* const buffer = buffer_at(area, index);
    buffer->process = slot_index;
    buffer->thread = 0;
    buffer->sequence = 0;
    buffer->kind = static_cast<std::uint32_t>(kind);
    buffer->first_tick = now();
    buffer->thread_id = 0;
    buffer->published.store(0, std::memory_order_relaxed);
    // Pairs with the acquire in the recorder, which may find the owner dead.
    area->states[index].store(buffer_state::owned, std::memory_order_release);
    return buffer;
}

void hand_over(std::uint32_t index) noexcept {
    // Counted first: if the process dies in between, the recorder finds the buffer still owned.
    area->full.fetch_add(1, std::memory_order_seq_cst);
    // Pairs with the acquire in the recorder's scan: the content is there before the state is.
    area->states[index].store(buffer_state::full, std::memory_order_release);
}

void record_slow(std::uint64_t address,
                 std::uint64_t size,
                 std::uint64_t old_address,
                 std::uint64_t site,
                 unsigned op,
                 unsigned alignment_log2) noexcept {
    thread_state& mine = self;
    if (mine.quick == inside_recorder) {
        count_lost();
        return;
    }
    mine.quick = inside_recorder;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if ((page.recording == 0 || mine.cursor >= mine.limit) && !make_room(mine)) {
        mine.quick = 0;
        return;
    }
    const std::uint64_t before = mine.context.tick;
    const std::uint64_t tick = read_clock(mine);
    const std::int32_t quick =
        tick - before < hasty_ticks() ? quick_events_max : quick_events_usual;
    if (append(mine,
               raw_event{tick,
                         size,
                         address,
                         old_address,
                         site,
                         static_cast<std::uint8_t>(op),
                         static_cast<std::uint8_t>(alignment_log2)})) {
        note_site(site);
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
    mine.quick = quick;
}

void leave_by_new_site(std::uint64_t site, std::int32_t quick) noexcept {
    note_site(site);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    self.quick = quick;
}

} // namespace millpond::tool::inside
