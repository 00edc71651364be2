// SPDX-License-Identifier: MIT
/// \file
/// The runner: asks every contender every question, interleaved, each time in a fresh process, and
/// writes the answers as JSON.
///
///     millpond-bench run --output result.json
///     millpond-bench list
///     millpond-bench worker --contender "glibc" --pattern churn --bytes 64 --blocks 1000 ...

#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "machine.hpp"
#include "plan.hpp"
#include "session.hpp"
#include "worker.hpp"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace millpond::bench {

namespace {

/// The contenders for a program: instructions.py starts workers of its own.
int list_as_json() {
    nlohmann::ordered_json contenders = nlohmann::ordered_json::array();
    for (const contender& who : all_contenders()) {
        const std::string preload = who.preload.empty() ? "" : library_path(who.preload);
        if (preload.empty() && !who.preload.empty()) {
            continue;
        }
        contenders.push_back({{"name", who.name},
                              {"preload", preload},
                              {"raw_blocks", (who.abilities & raw_blocks) != 0},
                              {"mixed_sizes", (who.abilities & mixed_sizes) != 0}});
    }
    fmt::print("{}\n", nlohmann::ordered_json{{"contenders", contenders}}.dump(1));
    return 0;
}

int list() {
    fmt::print("contenders\n");
    for (const contender& who : all_contenders()) {
        fmt::print("  {:<34}{}\n", who.name, who.what);
    }
    fmt::print("not here\n");
    for (const missing_contender& who : contenders_not_built()) {
        fmt::print("  {:<34}{}\n", who.name, who.reason);
    }
    fmt::print("questions\n");
    for (const question& asked : questions(effort::recorded, part::everything)) {
        const std::size_t bytes = asked.measurement.block_bytes;
        fmt::print("  {:<34}{:>11}  ({})\n",
                   asked.name,
                   bytes == 0 ? "" : fmt::format("{} bytes", bytes),
                   asked.pattern);
    }
    return 0;
}

int measure(const session_options& options, const std::string& output) {
    const std::string reason = reason_not_to_measure();
    if (!reason.empty()) {
        fmt::print(stderr, "millpond-bench: this build does not measure: {}\n", reason);
        return 2;
    }
    const session_result result = hold_session(options);
    if (result.report["results"].empty()) {
        fmt::print(stderr, "millpond-bench: nobody was asked anything; see list\n");
        return 2;
    }
    std::ofstream file(output);
    file << result.report.dump(1) << '\n';
    file.close();
    if (!file) {
        fmt::print(stderr, "millpond-bench: cannot write {}\n", output);
        return 2;
    }
    for (const std::string& fault : result.faults) {
        fmt::print(stderr, "millpond-bench: {}\n", fault);
    }
    return result.faults.empty() ? 0 : 1;
}

int work(const std::string& name, const std::string& pattern_name, task asked) {
    const contender* const who = find_contender(name);
    if (who == nullptr) {
        fmt::print(stderr, "millpond-bench: no contender is called {}; see list\n", name);
        return 2;
    }
    asked.what = pattern_named(pattern_name);
    run_worker(*who, asked);
    return 0;
}

int run(int argument_count, char** arguments) {
    CLI::App app("Benchmarks of millpond's pools against the field.");
    app.require_subcommand(1);
    session_options options;
    std::string output = "result.json";
    std::string part_name;
    bool quick = false;
    bool smoke = false;

    CLI::App* const run_command = app.add_subcommand("run", "Measure, and write the result");
    run_command->add_option("-o,--output", output, "The JSON file to write");
    run_command
        ->add_option("--part", part_name, "Only what is about one thread, several, or containers")
        ->check(CLI::IsMember({"one_thread", "several_threads", "containers"}));
    run_command->add_flag("--quick", quick, "Fewer blocks and operations: under a minute");
    run_command->add_flag("--smoke", smoke, "Only prove that everything runs and agrees");
    run_command
        ->add_option("-r,--repetitions", options.repetitions, "Fresh processes for each figure")
        ->check(CLI::Range(1, 99));
    run_command->add_option("--pattern", options.patterns, "Only these patterns");
    run_command->add_option("--contender", options.contenders, "Only these contenders");
    run_command->add_option("--bytes", options.block_bytes, "Only these block sizes");
    run_command->add_option("--threads", options.threads, "Only these numbers of threads");
    run_command->add_option("--commit", options.commit, "What to report as the measured commit");
    run_command->add_option("--command", options.command, "What to report as the command");

    bool as_json = false;
    CLI::App* const list_command = app.add_subcommand("list", "Name contenders and questions");
    list_command->add_flag("--json", as_json, "The contenders that are installed, for scripts");

    std::string name;
    std::string pattern_name;
    task asked;
    CLI::App* const worker_command =
        app.add_subcommand("worker", "Make one measurement and print it");
    worker_command->add_option("--contender", name)->required();
    worker_command->add_option("--pattern", pattern_name)->required();
    worker_command->add_option("--bytes", asked.block_bytes)->required();
    worker_command->add_option("--blocks", asked.blocks)->required();
    worker_command->add_option("--operations", asked.operations);
    worker_command->add_option("--percent", asked.percent_occupied);
    worker_command->add_option("--threads", asked.threads);

    CLI11_PARSE(app, argument_count, arguments);
    if (app.got_subcommand(list_command)) {
        return as_json ? list_as_json() : list();
    }
    if (app.got_subcommand(worker_command)) {
        return work(name, pattern_name, asked);
    }
    options.which = part_named(part_name);
    options.how_much = smoke ? effort::smoke : quick ? effort::quick : effort::recorded;
    if (options.repetitions == 0) {
        options.repetitions = smoke || quick ? 1 : 7;
    }
    return measure(options, output);
}

} // namespace

} // namespace millpond::bench

int main(int argument_count, char** arguments) {
    try {
        return millpond::bench::run(argument_count, arguments);
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "millpond-bench: %s\n", fault.what());
        return 2;
    }
}
