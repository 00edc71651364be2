// SPDX-License-Identifier: MIT
/// \file
/// The `millpond` command: finds the stage that the command line names and turns its errors into
/// one line and an exit status.

#include "exit_status.hpp"
#include "info/command.hpp"
#include "record/command.hpp"
#if defined(MILLPOND_HAS_REPLAY)
#    include "replay/command.hpp"
#endif

#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

constexpr int status_error = 2;

constexpr const char* footer = R"(How it goes:
  millpond record -- PROGRAM ARGUMENTS...   writes millpond.PROGRAM.trace
  millpond info millpond.PROGRAM.trace      says what is in it
  millpond replay millpond.PROGRAM.trace    runs it through several allocators, and measures

`millpond STAGE --help` explains a stage. Exit status: 0 fine; 2 bad usage, or a program or file
that cannot be used; `record` otherwise ends with the recorded program's own status.)";

void add_stages(CLI::App& app) {
    millpond::tool::add_record(app);
    millpond::tool::add_info(app);
#if defined(MILLPOND_HAS_REPLAY)
    millpond::tool::add_replay(app);
#endif
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Shows what a program asks of its heap, and what pools would make of it");
    app.name("millpond");
    app.set_version_flag("--version", "millpond " MILLPOND_VERSION);
    app.footer(footer);
    app.require_subcommand(1);
    try {
        add_stages(app);
        if (argc == 1) {
            fmt::print(stderr, "{}", app.help());
            return status_error;
        }
        app.parse(argc, argv);
        return 0;
    } catch (const millpond::tool::exit_status& status) {
        return status.value;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : status_error;
    } catch (const std::exception& error) {
        fmt::print(stderr, "millpond: {}\n", error.what());
        return status_error;
    }
}
