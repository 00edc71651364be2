// SPDX-License-Identifier: MIT
#include "replay/command.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "exit_status.hpp"
#include "page/page.hpp"
#include "replay/contenders.hpp"
#include "replay/output_file.hpp"
#include "replay/plan_builder.hpp"
#include "replay/progress.hpp"
#include "replay/report_json.hpp"
#include "replay/report_page.hpp"
#include "replay/runner.hpp"
#include "replay/summary.hpp"
#include "replay/table.hpp"
#include "trace/reader.hpp"
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace millpond::tool::replay {

namespace {

/// The processes of one trace that are to be played, by index.
std::vector<std::size_t> chosen_processes(const std::string& file,
                                          const std::vector<process>& all,
                                          const std::string& wanted) {
    const auto events = [](const process& a, const process& b) { return a.events < b.events; };
    const auto busiest = std::max_element(all.begin(), all.end(), events);
    if (busiest == all.end() || busiest->events == 0) {
        throw std::invalid_argument(fmt::format(
            "{}: the trace holds no heap operations, there is nothing to replay", file));
    }
    if (wanted.empty()) {
        return {static_cast<std::size_t>(busiest - all.begin())};
    }
    std::vector<std::size_t> chosen;
    if (wanted == "all") {
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (all[i].events > 0) {
                chosen.push_back(i);
            }
        }
        return chosen;
    }
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    if (error != std::errc{} || end != wanted.data() + wanted.size() || number < 1 ||
        number > all.size()) {
        throw std::invalid_argument(
            fmt::format("--process {}: {} holds the processes 1 to {} (`all` takes every one)",
                        wanted,
                        file,
                        all.size()));
    }
    if (all[number - 1].events == 0) {
        throw std::invalid_argument(
            fmt::format("--process {}: that process of {} used no heap", wanted, file));
    }
    return {number - 1};
}

prepared_plan prepare(trace_reader& reader, std::size_t index, progress& bar) {
    plan_builder builder;
    const std::uint64_t all = reader.processes()[index].events;
    std::uint64_t done = 0;
    reader.for_each(index, [&](const event& e) {
        builder.add(e);
        if ((++done & 0xfffU) == 0) {
            bar.show(done, all, "reading the trace");
        }
    });
    return std::move(builder).finish();
}

replay_record play_process(const std::string& file,
                           trace_reader& reader,
                           std::size_t index,
                           const line_up& who,
                           const std::filesystem::path& player,
                           unsigned rounds) {
    progress bar;
    const prepared_plan plan = prepare(reader, index, bar);
    std::vector<contender> playing = who.present;
    playing.push_back(player_alone());
    const auto before_run = [&](std::size_t done, std::size_t all, std::string_view name) {
        bar.show_now(
            done, all, fmt::format("round {} of {}: {}", done / playing.size() + 1, rounds, name));
    };
    replay_record record;
    record.figures = run_rounds(playing, plan, player, rounds, before_run);
    record.player = summarise(record.figures.back(), plan.head.operations);
    record.figures.pop_back();
    if (!record.player.failure.empty()) {
        throw std::runtime_error("the player itself failed: " + record.player.failure);
    }
    for (const contender_figures& figures : record.figures) {
        record.contenders.push_back(summarise(figures, plan.head.operations));
    }
    record.trace_file = file;
    record.cut_reason = reader.cut_reason();
    record.process_index = index;
    record.process_count = reader.processes().size();
    record.what = reader.processes()[index];
    record.plan = plan.facts;
    record.rounds = rounds;
    record.missing = who.missing;
    return record;
}

void say_which(const std::string& file, const trace_reader& reader, std::size_t index) {
    const std::vector<process>& all = reader.processes();
    if (all.size() > 1) {
        fmt::print(stderr,
                   "millpond replay: {} holds {} processes; playing number {} ({} events)\n",
                   file,
                   all.size(),
                   index + 1,
                   all[index].events);
    }
    if (reader.truncated()) {
        fmt::print(stderr,
                   "millpond replay: warning: {} ends early: {}; playing what is there\n",
                   file,
                   reader.cut_reason());
    }
}

} // namespace

int run_replay(const replay_options& options) {
    std::optional<output_file> json_file;
    std::optional<output_file> html_file;
    if (!options.json.empty()) {
        json_file.emplace(options.json);
    }
    if (!options.html.empty()) {
        html_file.emplace(options.html);
    }
    const bool json_on_output = json_file && json_file->standard_output();
    std::FILE* table_to = json_on_output ? stderr : stdout;
    const std::filesystem::path player = options.player.empty() ? find_player() : options.player;
    const line_up who = find_contenders(options.with, player);
    if (who.present.empty()) {
        throw std::invalid_argument("none of the allocators of --with is installed");
    }
    std::vector<replay_record> replays;
    bool failed = false;
    for (const std::string& file : options.files) {
        trace_reader reader(file);
        for (const std::size_t index :
             chosen_processes(file, reader.processes(), options.process)) {
            say_which(file, reader, index);
            replays.push_back(play_process(file, reader, index, who, player, options.rounds));
            fmt::print(table_to,
                       "{}{}",
                       replays.size() > 1 ? "\n" : "",
                       render_table(replays.back(), colour_for(fileno(table_to))));
            std::fflush(table_to);
            for (const contender_summary& c : replays.back().contenders) {
                failed = failed || !c.failure.empty();
            }
        }
    }
    if (json_file) {
        using nlohmann::json;
        json_file->commit(
            to_json(replays, options.command).dump(2, ' ', false, json::error_handler_t::replace) +
            "\n");
    }
    if (html_file) {
        html_file->commit(render_page(page_model(replays)));
        fmt::print(stderr, "millpond replay: the page is {}\n", options.html);
    }
    return failed ? 2 : 0;
}

} // namespace millpond::tool::replay

namespace millpond::tool {

namespace {

/// The words of this process's own command line.
std::vector<std::string> own_command() {
    std::vector<std::string> words;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/cmdline", "re"),
                                                         std::fclose);
    std::string word;
    for (int c = 0; file && (c = std::fgetc(file.get())) != EOF;) {
        if (c == '\0') {
            words.push_back(std::move(word));
            word.clear();
        } else {
            word += static_cast<char>(c);
        }
    }
    return words;
}

int guarded(const replay::replay_options& options) {
    try {
        return replay::run_replay(options);
    } catch (const std::bad_alloc&) {
        fmt::print(stderr, "millpond replay: out of memory\n");
    } catch (const std::exception& e) {
        fmt::print(stderr, "millpond replay: {}\n", e.what());
    }
    return 2;
}

constexpr const char* description =
    "Play the heap operations of a recorded program through several allocators and through "
    "millpond's pools, and compare time, latency, memory and page faults.";

constexpr const char* footer =
    R"(Each allocator plays the exact sequence in fresh processes of its own, in turn
(A B C, A B C, ...). The operations of all threads are played on one thread, in
the order in which they happened. `millpond` gets pools for the sizes that serve
most operations, with the peaks of the trace as capacities; malloc serves the
rest. `millpond-mr` is one millpond::pool_resource for all sizes, with no
option set.

Examples:
  millpond record -o app.trace -- ./app --its options
  millpond replay app.trace
  millpond replay --with glibc,millpond --rounds 9 app.trace
  millpond replay --with glibc,mine=/opt/lib/libmyalloc.so,millpond app.trace
  millpond replay --json app.json --html app.html app.trace

Exit status: 0; 2 for bad usage, an unreadable trace, an output that cannot be
written, or when an allocator failed (the others are still reported).)";

} // namespace

void add_replay(CLI::App& app) {
    const auto options = std::make_shared<replay::replay_options>();
    CLI::App* replay = app.add_subcommand("replay", description);
    replay->footer(footer);
    replay
        ->add_option(
            "--with",
            options->with,
            "Allocators, separated by commas: glibc, jemalloc, mimalloc, tcmalloc, tbbmalloc, "
            "millpond, millpond-mr, or name=FILE for another one's shared library (default: "
            "all that are installed)")
        ->delimiter(',')
        ->type_name("NAMES");
    replay->add_option("--rounds", options->rounds, "How often each one plays")
        ->check(CLI::Range(1U, 1000U))
        ->capture_default_str()
        ->type_name("N");
    replay->add_option(
        "--process",
        options->process,
        "Which process of the trace: its number from 1, or all (default: the one with "
        "most operations)");
    replay->add_option("--json", options->json, "Write every figure to FILE; - is standard output")
        ->type_name("FILE");
    replay->add_option("--html", options->html, "Write a page with charts to FILE")
        ->type_name("FILE");
    replay->add_option("files", options->files, "Traces that `millpond record` wrote")
        ->required()
        ->type_name("FILE...");
    replay->callback([options] {
        options->command = own_command();
        if (const int status = guarded(*options); status != 0) {
            throw exit_status{status}; // NOLINT(hicpp-exception-baseclass): not an error
        }
    });
}

} // namespace millpond::tool
