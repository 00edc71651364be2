// SPDX-License-Identifier: MIT
#include "replay/runner.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "replay/result.hpp"
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millpond::tool::replay {

namespace {

class descriptor {
public:
    explicit descriptor(int number)
        : number_(number) {}

    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    ~descriptor() { reset(); }

    [[nodiscard]] int number() const noexcept { return number_; }

    void reset() noexcept {
        if (number_ >= 0) {
            close(number_);
        }
        number_ = -1;
    }

private:
    int number_;
};

/// This process's environment with LD_PRELOAD as the contender wants it.
std::vector<std::string> environment_for(const contender& c) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (!std::string_view(*entry).starts_with("LD_PRELOAD=")) {
            all.emplace_back(*entry);
        }
    }
    if (!c.preload.empty()) {
        all.push_back("LD_PRELOAD=" + c.preload);
    }
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) {
        all.push_back(text.data());
    }
    all.push_back(nullptr);
    return all;
}

struct child_end {
    int wait_status = 0;
    std::unique_ptr<play_result> result; ///< null when the child did not hand one over
};

/// Reads until the other end closes; true when exactly `count` bytes came.
bool read_exactly(int from, void* into, std::size_t count) {
    auto* next = static_cast<char*>(into);
    while (count > 0) {
        const ssize_t got = read(from, next, count);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        next += got;
        count -= static_cast<std::size_t>(got);
    }
    return true;
}

void check_spawn(int error, const std::filesystem::path& player) {
    if (error != 0) {
        throw std::runtime_error(fmt::format(
            "cannot start {}: {}", player.string(), std::generic_category().message(error)));
    }
}

/// Descriptors arrive in the child under their agreed numbers, standard error only where it helps: the
/// dynamic linker complains there about a library that is not installed.
pid_t spawn(const contender& c,
            std::vector<std::string> arguments,
            int plan,
            int result,
            const std::filesystem::path& player) {
    std::vector<std::string> environment = environment_for(c);
    posix_spawn_file_actions_t actions;
    check_spawn(posix_spawn_file_actions_init(&actions), player);
    const std::unique_ptr<posix_spawn_file_actions_t, int (*)(posix_spawn_file_actions_t*)> owner(
        &actions, posix_spawn_file_actions_destroy);
    if (plan >= 0) {
        check_spawn(posix_spawn_file_actions_adddup2(&actions, plan, plan_descriptor), player);
    } else {
        check_spawn(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0),
                    player);
    }
    check_spawn(posix_spawn_file_actions_adddup2(&actions, result, result_descriptor), player);
    pid_t child = 0;
    check_spawn(posix_spawn(&child,
                            player.c_str(),
                            &actions,
                            nullptr,
                            pointers_to(arguments).data(),
                            pointers_to(environment).data()),
                player);
    return child;
}

/// A duplicate whose number is above the agreed ones, so that placing one cannot overwrite the other.
int out_of_the_way(int number) {
    const int moved = fcntl(number, F_DUPFD_CLOEXEC, 10);
    if (moved < 0) {
        throw std::system_error(errno, std::generic_category(), "duplicating a descriptor");
    }
    return moved;
}

child_end run_player(const contender& c,
                     const std::vector<std::string>& arguments,
                     int plan,
                     const std::filesystem::path& player) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "a pipe to the player");
    }
    const descriptor reading(ends[0]);
    descriptor writing(ends[1]);
    const descriptor plan_copy(plan < 0 ? -1 : out_of_the_way(plan));
    descriptor result_copy(out_of_the_way(writing.number()));
    writing.reset();
    std::vector<std::string> all{player.string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const pid_t child = spawn(c, all, plan_copy.number(), result_copy.number(), player);
    result_copy.reset(); // now only the child holds it, and its end is seen
    child_end end;
    end.result = std::make_unique<play_result>();
    if (!read_exactly(reading.number(), end.result.get(), sizeof *end.result) ||
        end.result->magic != result_magic) {
        end.result.reset();
    }
    while (waitpid(child, &end.wait_status, 0) < 0) {
        if (errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "waiting for the player");
        }
    }
    return end;
}

std::string death_of(int wait_status) {
    if (WIFSIGNALED(wait_status)) {
        const int signal = WTERMSIG(wait_status);
        const char* name = sigabbrev_np(signal);
        return fmt::format("was killed by signal {} (SIG{}, {})",
                           signal,
                           name == nullptr ? "?" : name,
                           strsignal(signal)); // NOLINT(concurrency-mt-unsafe): one thread
    }
    return fmt::format("ended with status {} and no figures", WEXITSTATUS(wait_status));
}

std::unique_ptr<play_result> play_once(const contender& c,
                                       const prepared_plan& plan,
                                       const std::filesystem::path& player,
                                       const char* mode) {
    child_end end = run_player(c, {mode, c.heap}, plan.file.descriptor(), player);
    if (!end.result || end.wait_status != 0) {
        throw run_failure(fmt::format("{} {}", c.name, death_of(end.wait_status)));
    }
    const play_result& r = *end.result;
    if (r.status == play_status::out_of_memory) {
        throw run_failure(fmt::format("{} ran out of memory at step {} of {}, asking for {} bytes",
                                      c.name,
                                      r.record,
                                      plan.head.records,
                                      r.size_bytes));
    }
    if (r.status != play_status::played) {
        throw run_failure(fmt::format("{} could not play: {}", c.name, r.message));
    }
    if (c.heap != "scratch" && r.checksum != plan.head.expected_checksum) {
        throw run_failure(
            fmt::format("{} lost or shared a block: checksum {:016x}, expected {:016x}",
                        c.name,
                        r.checksum,
                        plan.head.expected_checksum));
    }
    if (!c.malloc_file.empty() && c.malloc_file != r.malloc_file) {
        throw run_failure(fmt::format(
            "{} played with the malloc of {} instead of {}", c.name, r.malloc_file, c.malloc_file));
    }
    return std::move(end.result);
}

} // namespace

probed_malloc probe_malloc(const contender& c, const std::filesystem::path& player) {
    const child_end end = run_player(c, {"probe"}, -1, player);
    // A library that cannot even be started with provides nothing; it is not the player's fault.
    if (!end.result && c.preload.empty()) {
        throw std::runtime_error(fmt::format("{} {}", player.string(), death_of(end.wait_status)));
    }
    return end.result ? probed_malloc{end.result->malloc_file, end.result->malloc_version}
                      : probed_malloc{};
}

std::vector<double> telling_percentiles(std::uint64_t operations) {
    std::vector<double> telling;
    for (const double percent : {0.0,
                                 10.0,
                                 25.0,
                                 50.0,
                                 75.0,
                                 90.0,
                                 95.0,
                                 99.0,
                                 99.5,
                                 99.9,
                                 99.95,
                                 99.99,
                                 99.995,
                                 99.999}) {
        if ((1.0 - percent / 100.0) * static_cast<double>(operations) >= 1.0 - 1e-6) {
            telling.push_back(percent);
        }
    }
    telling.push_back(100.0);
    return telling;
}

time_run
run_for_time(const contender& c, const prepared_plan& plan, const std::filesystem::path& player) {
    const std::unique_ptr<play_result> r = play_once(c, plan, player, "time");
    return {.cpu_ns = r->cpu_ns,
            .wall_ns = r->wall_ns,
            .peak_bytes = r->peak_bytes,
            .baseline_bytes = r->baseline_bytes,
            .minor_faults = r->minor_faults,
            .major_faults = r->major_faults};
}

latency_run run_for_latency(const contender& c,
                            const prepared_plan& plan,
                            const std::filesystem::path& player) {
    const std::unique_ptr<play_result> r = play_once(c, plan, player, "latency");
    latency_run run;
    run.clock_ns = static_cast<double>(r->clock_ticks) * r->ns_per_tick;
    for (const double percent : telling_percentiles(plan.head.operations)) {
        const std::uint64_t ticks = r->latency_ticks.at_percentile(percent);
        run.percentiles_ns.emplace_back(percent, static_cast<double>(ticks) * r->ns_per_tick);
    }
    return run;
}

std::vector<contender_figures>
run_rounds(const std::vector<contender>& contenders,
           const prepared_plan& plan,
           const std::filesystem::path& player,
           unsigned rounds,
           const std::function<void(std::size_t, std::size_t, std::string_view)>& before_run) {
    std::vector<contender_figures> all;
    for (const contender& c : contenders) {
        all.push_back({.who = c, .times = {}, .latencies = {}, .failure = {}});
    }
    const std::size_t runs = rounds * all.size();
    for (std::size_t run = 0; run < runs; ++run) {
        contender_figures& figures = all[run % all.size()];
        before_run(run, runs, figures.who.name);
        if (!figures.failure.empty()) {
            continue;
        }
        try {
            figures.times.push_back(run_for_time(figures.who, plan, player));
            figures.latencies.push_back(run_for_latency(figures.who, plan, player));
        } catch (const run_failure& failure) {
            figures.failure = failure.what();
        }
    }
    return all;
}

contender player_alone() {
    return {"(the player alone)", "", "scratch", "", ""};
}

} // namespace millpond::tool::replay
