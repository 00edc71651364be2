// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The list of the programs that one executable holds.

namespace misuse {

/// A program's name and its main function; listed as long as the executable runs.
class program {
public:
    program(const char* name, int (*main)()) noexcept
        : name_(name)
        , main_(main)
        , next_(first) {
        first = this;
    }

    program(const char* name, int (*main)(int, char**)) noexcept
        : name_(name)
        , main_with_arguments_(main)
        , next_(first) {
        first = this;
    }

    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program() = default;

    /// The program that is called so, or nullptr.
    static const program* find(const char* name) noexcept;

    /// Runs it; the first value is its name.
    int run(int count, char** values) const {
        return main_ != nullptr ? main_() : main_with_arguments_(count, values);
    }

private:
    static inline const program* first = nullptr;

    const char* name_;
    int (*main_)() = nullptr;
    int (*main_with_arguments_)(int, char**) = nullptr;
    const program* next_;
};

} // namespace misuse

/// Lists the program whose main function stands in front of it in a namespace.
#define MISUSE_PROGRAM(name) const misuse::program own(name, main);
