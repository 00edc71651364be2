// SPDX-License-Identifier: MIT
#include "record/recording.hpp"

#include <chrono>
#include <cstdio>
#include <optional>

#include "record/collector.hpp"
#include "record/launch.hpp"
#include "record/program_check.hpp"
#include "record/tick_rate.hpp"
#include "trace/packet_file.hpp"
#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millpond::tool {
namespace {

using clock = std::chrono::steady_clock;

constexpr int poll_ms = 2;
constexpr auto reap_interval = std::chrono::milliseconds(100);
constexpr auto progress_interval = std::chrono::milliseconds(250);

/// Signals arrive as data while this lives.
class signal_queue {
public:
    signal_queue() {
        sigset_t wanted;
        sigemptyset(&wanted);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) {
            sigaddset(&wanted, number);
        }
        sigprocmask(SIG_BLOCK, &wanted, &before_);
        descriptor_ = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    }

    ~signal_queue() {
        close(descriptor_);
        sigprocmask(SIG_SETMASK, &before_, nullptr);
    }

    signal_queue(const signal_queue&) = delete;
    signal_queue& operator=(const signal_queue&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    [[nodiscard]] const sigset_t& before() const noexcept { return before_; }

    /// Passes on what was sent to the recorder alone: the terminal's signals reach the whole group.
    void forward_to(pid_t child) const {
        signalfd_siginfo info{};
        while (read(descriptor_, &info, sizeof info) == sizeof info) {
            const auto number = static_cast<int>(info.ssi_signo);
            if (number != SIGCHLD && info.ssi_code <= 0) {
                kill(child, number);
            }
        }
    }

private:
    int descriptor_ = -1;
    sigset_t before_{};
};

std::string in_bytes(std::uint64_t bytes) {
    if (bytes < 1'000'000) {
        return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
    }
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

/// The line at the bottom of a terminal; nothing where standard error is none.
class progress_line {
public:
    explicit progress_line(bool wanted)
        : shown_(wanted && isatty(STDERR_FILENO) != 0) {}

    void update(const packet_writer& writer) {
        const auto now = clock::now();
        if (!shown_ || now - last_ < progress_interval) {
            return;
        }
        last_ = now;
        fmt::print(stderr,
                   "\r\033[Kmillpond: {:.1f} M events, {}\r",
                   static_cast<double>(writer.totals().events) / 1e6,
                   in_bytes(writer.bytes()));
        std::fflush(stderr);
    }

    void clear() const {
        if (shown_) {
            fmt::print(stderr, "\r\033[K");
            std::fflush(stderr);
        }
    }

private:
    bool shown_;
    clock::time_point last_ = clock::now();
};

std::optional<int> status_of(pid_t child) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) != child) {
        return std::nullopt;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Collects until the program ends; returns its exit status.
int collect_until_end(collector& area,
                      const packet_writer& writer,
                      const signal_queue& signals,
                      pid_t child,
                      bool quiet) {
    progress_line progress(!quiet);
    auto last_reap = clock::now();
    for (;;) {
        const bool busy = area.collect();
        const std::optional<int> status = status_of(child);
        if (status) {
            progress.clear();
            return *status;
        }
        area.bury();
        if (clock::now() - last_reap >= reap_interval) {
            area.reap_threads();
            last_reap = clock::now();
        }
        signals.forward_to(child);
        progress.update(writer);
        if (!busy) {
            area.wait(signals.descriptor(), poll_ms);
        }
    }
}

void summarize(const recording_options& options,
               const packet_writer& writer,
               const collector& area) {
    const file_totals& totals = writer.totals();
    const double per_event = totals.events == 0 ? 0.0
                                                : static_cast<double>(writer.bytes()) /
                                                      static_cast<double>(totals.events);
    fmt::print(stderr,
               "millpond: {} process{}, {} events, {} in {} ({:.2f} bytes per event); next: "
               "millpond replay {}\n",
               totals.processes,
               totals.processes == 1 ? "" : "es",
               totals.events,
               in_bytes(writer.bytes()),
               options.file.string(),
               per_event,
               options.file.string());
    if (area.lost_events() != 0) {
        fmt::print(stderr,
                   "millpond: warning: {} events are missing (heap calls from signal handlers, or "
                   "more than {} threads at once)\n",
                   area.lost_events(),
                   buffers_max);
    }
    if (area.refused_processes() != 0) {
        fmt::print(stderr,
                   "millpond: warning: {} processes were not recorded, the limit is {} at once\n",
                   area.refused_processes(),
                   processes_max);
    }
    if (totals.processes == 0) {
        fmt::print(stderr,
                   "millpond: warning: nothing was recorded; did the program drop "
                   "LD_PRELOAD from its environment, or change its user?\n");
    }
}

} // namespace

int record_program(const recording_options& options) {
    const std::filesystem::path program = find_recordable_program(options.command.front());
    const std::filesystem::path library = find_preload_library();
    const tick_rate rate;
    collector area(rate.source());
    packet_writer writer(options.file, rate.femtoseconds());
    area.write_to(writer);
    int status = 0;
    {
        const signal_queue signals;
        const pid_t child =
            launch(program, options.command, library, area.area_path(), signals.before());
        status = collect_until_end(area, writer, signals, child, options.quiet);
        while (area.collect()) {
        }
        area.stop();
    }
    if (!area.failure().empty()) {
        throw trace_error(area.failure());
    }
    writer.finish(rate.femtoseconds());
    if (!options.quiet) {
        summarize(options, writer, area);
    }
    return status;
}

} // namespace millpond::tool
