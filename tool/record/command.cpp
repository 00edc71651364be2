// SPDX-License-Identifier: MIT
#include "record/command.hpp"

#include <memory>

#include "exit_status.hpp"
#include "record/recording.hpp"
#include <fmt/format.h>

namespace millpond::tool {
namespace {

constexpr const char* footer = R"(Examples:
  millpond record -- g++ -O2 -c big.cpp
  millpond record -o py.trace -- env PYTHONMALLOC=malloc python3 script.py
  millpond record -- sh -c 'jq . huge.json | wc -l'

Any dynamically linked program can be recorded, unmodified; what it starts is recorded too, one
process of the trace each. Its input, output and exit status stay its own: the status of `record` is
the program's (128 + signal when it was killed), or 2 when it could not be recorded.)";

} // namespace

void add_record(CLI::App& app) {
    auto options = std::make_shared<recording_options>();
    CLI::App* const record =
        app.add_subcommand("record", "Run a program and write down what it asks of its heap");
    record->footer(footer);
    record
        ->add_option("-o,--output",
                     options->file,
                     "The trace to write (millpond.PROGRAM.trace). An older trace is replaced, any "
                     "other file is not")
        ->type_name("FILE");
    record->add_flag("-q,--quiet", options->quiet, "No progress line and no summary");
    record->add_flag("--wait-all",
                     options->wait_all,
                     "Record until every process that the program started has ended, not only the "
                     "program itself; Ctrl-C ends the waiting");
    record
        ->add_option(
            "--limit",
            options->limit_bytes,
            "Stop recording when the trace has this size (500k, 20M, 2G); the program goes "
            "on")
        ->transform(CLI::AsSizeValue(true))
        ->type_name("SIZE");
    record->add_option("PROGRAM", options->command, "The program and its arguments")
        ->required()
        ->type_name("PROGRAM [ARGUMENTS...]");
    record->positionals_at_end();
    record->callback([options] {
        if (options->file.empty()) {
            const std::filesystem::path program = options->command.front();
            options->file = fmt::format("millpond.{}.trace", program.filename().string());
        }
        throw exit_status{record_program(*options)};
    });
}

} // namespace millpond::tool
