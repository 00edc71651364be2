// SPDX-License-Identifier: MIT
/// \file
/// The main function of every doctest executable. Beyond doctest's own rules a run fails when no
/// case matched the filter, so that a renamed case cannot pass by absence, and a case fails when it
/// made no assertion. A run in which every case was skipped exits with 77.

#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>

#include "support/skip.hpp"
#include <doctest/doctest.h>

namespace {

constexpr int skipped_exit_code = 77;

struct run_state {
    unsigned matched = 0;
    unsigned skipped = 0;
    unsigned empty = 0;
    bool skipped_now = false;
};

run_state state;

class rules : public doctest::IReporter {
public:
    explicit rules(const doctest::ContextOptions& /*options*/) {}

    void report_query(const doctest::QueryData& /*query*/) override {}

    void test_run_start() override {}

    void test_case_start(const doctest::TestCaseData& data) override {
        name_ = data.m_name;
        state.skipped_now = false;
        ++state.matched;
    }

    void test_case_reenter(const doctest::TestCaseData& /*data*/) override {}

    void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
        if (state.skipped_now) {
            ++state.skipped;
        } else if (stats.numAssertsCurrentTest == 0 && stats.testCaseSuccess) {
            ++state.empty;
            std::printf("a case that asserts nothing: %s\n", name_);
        }
    }

    void test_run_end(const doctest::TestRunStats& /*stats*/) override {}

    void test_case_exception(const doctest::TestCaseException& /*error*/) override {}

    void subcase_start(const doctest::SubcaseSignature& /*signature*/) override {}

    void subcase_end() override {}

    void log_assert(const doctest::AssertData& /*data*/) override {}

    void log_message(const doctest::MessageData& /*data*/) override {}

    void test_case_skipped(const doctest::TestCaseData& /*data*/) override {}

private:
    const char* name_ = "";
};

REGISTER_LISTENER("rules", 1, rules);

} // namespace

void millpond::test::skip(const char* reason) {
    state.skipped_now = true;
    std::printf("skipped: %s\n", reason);
    std::fflush(stdout);
}

int main(int argc, char** argv) {
    doctest::Context context(argc, argv);
    const int result = context.run();
    if (context.shouldExit() || result != 0) {
        return result;
    }
    if (state.matched == 0) {
        std::printf("no case matched\n");
        return 1;
    }
    if (state.empty != 0) {
        return 1;
    }
    return state.skipped == state.matched ? skipped_exit_code : 0;
}
