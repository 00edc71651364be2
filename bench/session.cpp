// SPDX-License-Identifier: MIT
/// \file
/// Who is asked what, in which order, and how the answers are put together.

#include "session.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>

#include "cores.hpp"
#include "machine.hpp"
#include "worker.hpp"
#include <fmt/format.h>
#include <unistd.h>

namespace millpond::bench {

namespace {

/// Longer than the slowest honest answer by an order of magnitude.
constexpr int worker_seconds_max = 30;

template <class T>
bool wanted(const std::vector<T>& chosen, const T& one) {
    return chosen.empty() || std::find(chosen.begin(), chosen.end(), one) != chosen.end();
}

/// The answers of one contender to one question.
struct row {
    const contender* who = nullptr;
    std::vector<std::string> figure_names; ///< in the order of the first answer
    std::map<std::string, std::vector<double>> values;
    std::string failure;
};

/// Four significant digits: more than any of these figures deserves, and a smaller file.
double rounded(double value) {
    return std::stod(fmt::format("{:.4g}", value));
}

std::string full_name(const question& asked) {
    const std::size_t bytes = asked.measurement.block_bytes;
    return bytes == 0 ? asked.name : fmt::format("{}, {} bytes", asked.name, bytes);
}

class session {
public:
    explicit session(const session_options& options)
        : options_(options) {
        for (const question& asked : questions(options_.how_much, options_.which)) {
            if (wanted(options_.patterns, std::string(asked.pattern)) &&
                wanted(options_.block_bytes, asked.measurement.block_bytes) &&
                wanted(options_.threads, asked.measurement.threads)) {
                questions_.push_back(asked);
                abilities_ |= asked.needs;
            }
        }
        find_contenders();
    }

    session_result hold() {
        session_result result;
        nlohmann::ordered_json rows = nlohmann::ordered_json::array();
        int number = 0;
        for (const question& asked : questions_) {
            show_progress(++number, questions_.size(), asked);
            append(rows, asked, ask_everyone(asked));
        }
        if (isatty(STDERR_FILENO) != 0) {
            fmt::print(stderr, "\n");
        }
        result.report = head();
        result.report["results"] = rows;
        result.faults = faults_;
        return result;
    }

private:
    void find_contenders() {
        for (const contender& who : all_contenders()) {
            if (!wanted(options_.contenders, std::string(who.name)) ||
                (who.abilities & abilities_) == 0) {
                continue;
            }
            if (!who.preload.empty() && library_path(who.preload).empty()) {
                skip(who.name, fmt::format("{} is not installed", who.preload));
                continue;
            }
            present_.push_back(&who);
        }
        for (const missing_contender& who : contenders_not_built()) {
            if ((who.abilities & abilities_) != 0) {
                skip(who.name, who.reason);
            }
        }
    }

    void skip(std::string_view name, std::string_view reason) {
        skipped_.push_back({{"contender", name}, {"reason", reason}});
        fmt::print(stderr, "skipped: {} ({})\n", name, reason);
    }

    static void show_progress(int number, std::size_t count, const question& asked) {
        const bool terminal = isatty(STDERR_FILENO) != 0;
        fmt::print(stderr,
                   "{}[{:>2}/{}] {}{}",
                   terminal ? "\r\x1b[K" : "",
                   number,
                   count,
                   full_name(asked),
                   terminal ? "" : "\n");
        std::fflush(stderr);
    }

    std::vector<row> ask_everyone(const question& asked) {
        std::vector<row> rows;
        for (const contender* const who : present_) {
            if (can_answer(*who, asked)) {
                rows.push_back({.who = who, .figure_names = {}, .values = {}, .failure = {}});
            }
        }
        std::map<std::uint64_t, std::string> checksums;
        const int repetitions = std::min(options_.repetitions, asked.most_repetitions);
        for (int repetition = 0; repetition < repetitions; ++repetition) {
            if (asked.measurement.threads == 0) {
                core_.choose();
            }
            for (row& one : rows) {
                if (one.failure.empty()) {
                    ask_one(asked, one, checksums);
                }
            }
        }
        core_.release();
        if (checksums.size() > 1) {
            std::string fault = fmt::format("{}: checksums differ:", asked.name);
            for (const auto& [checksum, name] : checksums) {
                fault += fmt::format(" {} ({})", checksum, name);
            }
            faults_.push_back(fault);
        }
        return rows;
    }

    void ask_one(const question& asked, row& one, std::map<std::uint64_t, std::string>& checksums) {
        const answer given = ask_worker(*one.who, asked.measurement, worker_seconds_max);
        if (!given.found) {
            one.failure = given.failure;
            faults_.push_back(
                fmt::format("{}: {} {}", full_name(asked), one.who->name, given.failure));
            return;
        }
        checksums.emplace(given.found->checksum, one.who->name);
        for (const figure& each : given.found->figures) {
            auto& values = one.values[each.name];
            if (values.empty()) {
                one.figure_names.push_back(each.name);
            }
            values.push_back(rounded(each.value));
        }
    }

    static void
    append(nlohmann::ordered_json& rows, const question& asked, const std::vector<row>& answers) {
        for (const row& one : answers) {
            nlohmann::ordered_json entry = {{"question", asked.name},
                                            {"pattern", asked.pattern},
                                            {"bytes", asked.measurement.block_bytes},
                                            {"blocks", asked.measurement.blocks},
                                            {"unit", asked.unit},
                                            {"contender", one.who->name}};
            if (asked.measurement.threads != 0) {
                entry["threads"] = asked.measurement.threads;
            }
            if (!one.failure.empty()) {
                entry["failure"] = one.failure;
            }
            nlohmann::ordered_json figures = nlohmann::ordered_json::object();
            for (const std::string& name : one.figure_names) {
                figures[name] = one.values.at(name);
            }
            entry["figures"] = figures;
            rows.push_back(entry);
        }
    }

    nlohmann::ordered_json head() const {
        nlohmann::ordered_json contenders = nlohmann::ordered_json::array();
        for (const contender* const who : present_) {
            nlohmann::ordered_json entry = {{"name", who->name}, {"what", who->what}};
            if (!who->package.empty()) {
                entry["package"] = who->package;
                entry["version"] = package_version(who->package);
            }
            contenders.push_back(entry);
        }
        const std::time_t now = std::time(nullptr);
        std::tm utc{};
        gmtime_r(&now, &utc);
        return {{"title", "millpond against the field"},
                {"date",
                 fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday)},
                {"commit", options_.commit},
                {"command", options_.command},
                {"effort",
                 options_.how_much == effort::recorded ? "recorded"
                 : options_.how_much == effort::quick  ? "quick"
                                                       : "smoke"},
                {"repetitions", options_.repetitions},
                {"machine", describe_machine()},
                {"build", describe_build()},
                {"contenders", contenders},
                {"skipped", skipped_}};
    }

    session_options options_;
    one_core core_;
    std::vector<question> questions_;
    unsigned abilities_ = 0; ///< what the questions need, all together
    std::vector<const contender*> present_;
    nlohmann::ordered_json skipped_ = nlohmann::ordered_json::array();
    std::vector<std::string> faults_;
};

} // namespace

session_result hold_session(const session_options& options) {
    return session(options).hold();
}

} // namespace millpond::bench
