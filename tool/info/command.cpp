// SPDX-License-Identifier: MIT
#include "info/command.hpp"

#include <millpond/base/size_classes.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "info/block_sizes.hpp"
#include "trace/reader.hpp"
#include "words.hpp"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>

namespace millpond::tool {
namespace {

constexpr const char* footer = R"(Examples:
  millpond info millpond.python3.trace
  millpond info --block-sizes 16 millpond.python3.trace > block_sizes.hpp

Every byte of the file is checked, whatever is shown of it.)";

/// What one pass over a process's events finds out.
struct tally {
    std::uint64_t by_operation[5] = {};
    std::uint64_t asked_bytes = 0;
    std::uint64_t live_bytes = 0;
    std::uint64_t peak_bytes = 0;
    std::uint64_t live_blocks = 0;
    std::uint64_t last_ns = 0;
    std::vector<std::uint64_t> sizes; // by block
};

void add(tally& to, const event& what) {
    to.by_operation[static_cast<std::size_t>(what.op)] += 1;
    to.last_ns = what.time_ns;
    const std::uint64_t gone = what.op == operation::free ? what.block : what.previous;
    if (gone != no_block) {
        to.live_bytes -= to.sizes.at(gone);
        to.live_blocks -= 1;
    }
    if (what.op != operation::free) {
        to.sizes.push_back(what.size_bytes);
        to.asked_bytes += what.size_bytes;
        to.live_bytes += what.size_bytes;
        to.live_blocks += 1;
        to.peak_bytes = std::max(to.peak_bytes, to.live_bytes);
    }
}

/// How a process ended, with the signal or the status where the recorder could learn it.
std::string words_for(const process& one) {
    const int status = one.wait_status.value_or(0);
    switch (one.end) {
    case ending::exited:
        return one.wait_status && WIFEXITED(status)
                   ? fmt::format("ran to its end, status {}", WEXITSTATUS(status))
                   : "ran to its end";
    case ending::replaced:
        return "called exec";
    case ending::killed:
        if (!one.wait_status) {
            return "was killed, or left without running its exit handlers";
        }
        return WIFSIGNALED(status)
                   ? fmt::format("was killed by {}", signal_name(WTERMSIG(status)))
                   : fmt::format("left without running its exit handlers (_exit), status {}",
                                 WEXITSTATUS(status));
    case ending::running:
        return "still ran when the recording ended";
    }
    return "unknown";
}

std::string command_line(const process& one) {
    constexpr std::size_t longest = 100;
    return command_text(one.command, longest);
}

/// "832 bytes", "1,234,567 bytes (1.2 MB)": exact, and at a glance.
std::string exact_bytes(std::uint64_t bytes) {
    std::string text = counted(bytes, "byte");
    return bytes < 1000 ? text : fmt::format("{} ({})", text, in_bytes(bytes));
}

void print(const process& one, std::size_t index, const tally& found) {
    fmt::print("\nprocess {} (pid {}, started by {}): {}\n",
               index + 1, // as `replay --process` counts
               one.pid,
               one.parent_pid,
               command_line(one));
    fmt::print("  {}; recorded for {:.3f} s, {}, {}\n",
               words_for(one),
               static_cast<double>(found.last_ns) / 1e9,
               counted(one.threads, "thread"),
               counted(one.sites.size(), "call site"));
    fmt::print("  {}: {} allocate, {} zeroed, {} aligned, {} reallocate, {} free\n",
               counted(one.events, "event"),
               grouped(found.by_operation[0]),
               grouped(found.by_operation[1]),
               grouped(found.by_operation[2]),
               grouped(found.by_operation[3]),
               grouped(found.by_operation[4]));
    fmt::print("  asked for: {}; live at the peak: {}\n",
               exact_bytes(found.asked_bytes),
               exact_bytes(found.peak_bytes));
    fmt::print("  never freed: {}, {}\n",
               counted(found.live_blocks, "block"),
               exact_bytes(found.live_bytes));
    if (one.unmatched_frees != 0) {
        fmt::print("  left out: {} of blocks from before the recording\n",
                   counted(one.unmatched_frees, "free"));
    }
    if (one.inferred_frees != 0) {
        fmt::print("  put in: {} that nobody saw\n", counted(one.inferred_frees, "free"));
    }
    if (one.lost_events != 0) {
        fmt::print("  missing: {} that the recorder could not keep\n",
                   counted(one.lost_events, "event"));
    }
}

struct info_options {
    std::filesystem::path file;
    bool all = false;
    std::size_t block_sizes = 0; ///< how many to choose; 0: none
};

constexpr std::size_t shown_processes = 8;

/// The processes with the most events, in order of start; all of them when asked for.
std::vector<std::size_t> chosen(const std::vector<process>& from, bool all) {
    std::vector<std::size_t> indices(from.size());
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    if (!all && indices.size() > shown_processes) {
        std::stable_sort(indices.begin(), indices.end(), [&](std::size_t a, std::size_t b) {
            return from[a].events > from[b].events;
        });
        indices.resize(shown_processes);
        std::sort(indices.begin(), indices.end());
    }
    return indices;
}

void print_info(const info_options& options) {
    const std::filesystem::path& file = options.file;
    trace_reader trace(file);
    std::uint64_t events = 0;
    for (const process& one : trace.processes()) {
        events += one.events;
    }
    const auto bytes = std::filesystem::file_size(file);
    fmt::print("{}: {}, {}, {}",
               file.string(),
               counted(trace.processes().size(), "process"),
               counted(events, "event"),
               exact_bytes(bytes));
    if (events != 0) {
        fmt::print(", {:.2f} bytes per event",
                   static_cast<double>(bytes) / static_cast<double>(events));
    }
    fmt::print("\n");
    if (trace.truncated()) {
        fmt::print("the file ends early, {}: this is what is there\n", trace.cut_reason());
    }
    const std::vector<std::size_t> shown = chosen(trace.processes(), options.all);
    for (const std::size_t i : shown) {
        tally found;
        trace.for_each(i, [&](const event& what) { add(found, what); });
        print(trace.processes()[i], i, found);
    }
    if (shown.size() < trace.processes().size()) {
        fmt::print("\nnot shown (--all): {} with fewer events\n",
                   counted(trace.processes().size() - shown.size(), "process"));
    }
}

/// The sizes that suit the process with the most events, as the program's own source would have them.
void print_block_sizes(const info_options& options) {
    trace_reader trace(options.file);
    const std::vector<process>& all = trace.processes();
    const auto busiest =
        std::max_element(all.begin(), all.end(), [](const process& a, const process& b) {
            return a.events < b.events;
        });
    size_profile profile;
    if (busiest != all.end()) {
        trace.for_each(static_cast<std::size_t>(busiest - all.begin()),
                       [&](const event& what) { profile.add(what); });
    }
    const std::vector<size_use> uses = profile.uses();
    if (uses.empty()) {
        throw std::runtime_error(
            fmt::format("{}: no request that a pool could serve", options.file.string()));
    }
    std::uint64_t served = 0;
    for (const size_use& one : uses) {
        served += one.requests;
    }
    const detail::size_classes usual;
    std::vector<std::size_t> usual_sizes;
    for (std::uint32_t i = 0; i < usual.count(); ++i) {
        usual_sizes.push_back(usual.bytes_of(i));
    }
    const std::vector<std::size_t> sizes = choose_block_sizes(uses, options.block_sizes);
    fmt::print("// {}\n"
               "// {} of {}, of {}. {} {:.1f} % when each size is used as much\n"
               "// as it ever was at once; the usual {} waste {:.1f} %.\n"
               "constexpr std::size_t block_sizes[] = {{\n    {}}};\n",
               command_line(*busiest),
               grouped(served),
               counted(profile.requests(), "request"),
               counted(uses.size(), "size"),
               sizes.size() == 1 ? "This one wastes" : fmt::format("These {} waste", sizes.size()),
               waste_percent(uses, sizes),
               usual_sizes.size(),
               waste_percent(uses, usual_sizes),
               fmt::join(sizes, ", "));
}

} // namespace

void add_info(CLI::App& app) {
    auto options = std::make_shared<info_options>();
    CLI::App* const info = app.add_subcommand("info", "Say what is in a trace");
    info->footer(footer);
    info->add_option("file", options->file, "The trace")->required()->type_name("FILE");
    info->add_flag("-a,--all", options->all, "Every process, not only those with the most events");
    info->add_option("-b,--block-sizes",
                     options->block_sizes,
                     "Choose so many block sizes for a pool_resource, and print them as C++")
        ->type_name("N")
        ->check(CLI::Range(std::size_t{1}, std::size_t{detail::size_classes::most}));
    info->callback([options] {
        if (options->block_sizes != 0) {
            print_block_sizes(*options);
        } else {
            print_info(*options);
        }
    });
}

} // namespace millpond::tool
