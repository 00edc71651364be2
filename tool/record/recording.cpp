// SPDX-License-Identifier: MIT
#include "record/recording.hpp"

#include <chrono>
#include <climits>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "exit_status.hpp"
#include "record/collector.hpp"
#include "record/launch.hpp"
#include "record/program_check.hpp"
#include "record/tick_rate.hpp"
#include "trace/packet_file.hpp"
#include "words.hpp"
#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millpond::tool {
namespace {

using clock = std::chrono::steady_clock;

constexpr int poll_ms = 2;
constexpr int look_ms = 20; // for processes that may not be known yet: a look into all of /proc
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
        while (next(info)) {
            if (info.ssi_code <= 0) {
                kill(child, static_cast<int>(info.ssi_signo));
            }
        }
    }

    /// True when somebody wants the recording to end, now that there is no program to decide that.
    [[nodiscard]] bool asks_to_end() const {
        signalfd_siginfo info{};
        return next(info);
    }

private:
    /// The next signal, but for those of children.
    bool next(signalfd_siginfo& info) const {
        while (read(descriptor_, &info, sizeof info) == sizeof info) {
            if (info.ssi_signo != SIGCHLD) {
                return true;
            }
        }
        return false;
    }

    int descriptor_ = -1;
    sigset_t before_{};
};

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

/// True once the child has ended. It is not waited for yet: its status is asked for again.
bool has_ended(pid_t child) {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child;
}

int status_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// "2 processes of the program: 17 sh, 18 cat"
std::string named(const std::vector<left_process>& living, std::string_view verb = {}) {
    constexpr std::size_t most_named = 5;
    std::string text = fmt::format("{} of the program{}:", counted(living.size(), "process"), verb);
    for (std::size_t i = 0; i < living.size() && i < most_named; ++i) {
        text += fmt::format("{} {} {}", i == 0 ? "" : ",", living[i].pid, living[i].name);
    }
    return text + (living.size() > most_named ? ", ..." : "");
}

/// What runs beside the program, from its start to the end of the recording.
class session {
public:
    session(collector& area, const packet_writer& writer, const signal_queue& signals, bool quiet)
        : area_(area)
        , writer_(writer)
        , signals_(signals)
        , quiet_(quiet)
        , progress_(!quiet) {}

    /// Collects until the program ends.
    void follow(pid_t child) {
        while (turn(), !has_ended(child)) {
            area_.bury();
            signals_.forward_to(child);
            rest();
        }
    }

    /// Collects until every process that the program left behind has ended too, or until a signal.
    void follow_others() {
        area_.bury();
        const std::vector<left_process> living = area_.left_behind();
        if (!living.empty() && !quiet_) {
            progress_.clear();
            fmt::print(
                stderr,
                "millpond: the program has ended; waiting for {} (Ctrl-C ends the recording)\n",
                named(living));
        }
        // Between its exec and its loader's work a process is not seen: nobody twice is nobody.
        for (int unseen = 0; unseen < 2 && !signals_.asks_to_end();) {
            turn();
            area_.bury();
            unseen = area_.has_live() || !area_.left_behind().empty() ? 0 : unseen + 1;
            area_.wait(signals_.descriptor(), look_ms);
        }
    }

    /// Takes in everything that was handed over.
    void finish() {
        while (area_.collect()) {
        }
        progress_.clear();
    }

private:
    void turn() {
        busy_ = area_.collect();
        if (!area_.failure().empty() && !said_) {
            said_ = true;
            progress_.clear();
            fmt::print(stderr,
                       "millpond: {}; the recording ends here, the program goes on\n",
                       area_.failure());
        }
        if (clock::now() - last_reap_ >= reap_interval) {
            area_.reap_threads();
            last_reap_ = clock::now();
        }
        progress_.update(writer_);
    }

    void rest() {
        if (!busy_) {
            area_.wait(signals_.descriptor(), poll_ms);
        }
    }

    collector& area_;
    const packet_writer& writer_;
    const signal_queue& signals_;
    bool quiet_;
    progress_line progress_;
    clock::time_point last_reap_ = clock::now();
    bool busy_ = false;
    bool said_ = false;
};

void warn(std::string_view what) {
    fmt::print(stderr, "millpond: warning: {}\n", what);
}

void warn_of_losses(const collector& area) {
    if (area.lost_events() != 0) {
        warn(fmt::format("{} missing (heap calls from signal handlers, or more than {} threads at "
                         "once)",
                         counted(area.lost_events(), "event"),
                         grouped(buffers_max)));
    }
    if (area.refused_processes() != 0) {
        warn(fmt::format("{} not recorded: the limit is {} at once",
                         counted(area.refused_processes(), "process"),
                         grouped(processes_max)));
    }
    if (area.unmapped_processes() != 0) {
        warn(fmt::format("{} not recorded for want of address space: the recorder needs {} of it "
                         "in each (ulimit -v)",
                         counted(area.unmapped_processes(), "process"),
                         in_bytes(area_bytes)));
    }
    if (area.bypassed_processes() != 0) {
        warn(fmt::format("{} with another heap before the recorder ({}): calls to that are not in "
                         "the trace",
                         counted(area.bypassed_processes(), "process"),
                         area.first_heap().empty() ? "Valgrind's, or one that redirects calls too"
                                                   : area.first_heap()));
    }
}

void warn_of_the_living(const std::vector<left_process>& living) {
    if (living.empty()) {
        return;
    }
    warn(fmt::format("{} (--wait-all records to the end of the last one)",
                     named(living,
                           living.size() == 1 ? " still runs and is no longer recorded"
                                              : " still run and are no longer recorded")));
}

void summarize(const recording_options& options,
               const packet_writer& writer,
               const collector& area) {
    const file_totals& totals = writer.totals();
    fmt::print(stderr,
               "millpond: {}, {}, {} in {}",
               counted(totals.processes, "process"),
               counted(totals.events, "event"),
               in_bytes(writer.bytes()),
               options.file.string());
    if (totals.events != 0) {
        fmt::print(stderr,
                   " ({:.2f} bytes per event); next: millpond replay {}",
                   static_cast<double>(writer.bytes()) / static_cast<double>(totals.events),
                   command_text({options.file.string()}, PATH_MAX));
    }
    fmt::print(stderr, "\n");
    warn_of_losses(area);
    if (totals.processes == 0 && area.unmapped_processes() == 0) {
        warn(
            "nothing was recorded; did the program drop LD_PRELOAD from its environment, or change "
            "its user?");
    }
}

} // namespace

int record_program(const recording_options& options) {
    const std::filesystem::path program = find_recordable_program(options.command.front());
    const std::filesystem::path library = find_preload_library();
    const tick_rate rate;
    collector area(rate.source());
    packet_writer writer(options.file, rate.femtoseconds(), options.limit_bytes);
    area.write_to(writer);
    int status = 0;
    std::vector<left_process> living;
    {
        const signal_queue signals;
        const pid_t child =
            launch(program, options.command, library, area.area_path(), signals.before());
        session beside(area, writer, signals, options.quiet);
        beside.follow(child);
        if (options.wait_all) {
            beside.follow_others();
        }
        beside.finish();
        living = area.left_behind();
        area.stop();
        status = status_of(child);
    }
    try {
        writer.finish(rate.femtoseconds());
    } catch (const trace_error&) {
        if (writer.stopped() == early_stop::none) {
            throw;
        } // else it has been said, and what is there can be read without its last packet
    }
    if (!options.quiet) {
        summarize(options, writer, area);
        warn_of_the_living(living);
    }
    if (writer.stopped() == early_stop::not_writable) {
        throw exit_status{2}; // NOLINT(hicpp-exception-baseclass): said already
    }
    return status;
}

} // namespace millpond::tool
