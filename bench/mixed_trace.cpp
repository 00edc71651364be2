// SPDX-License-Identifier: MIT
/// \file
/// Decodes the recorded trace, and gives each live block a place.

#include "mixed_trace.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace millpond::bench {

namespace {

constexpr const char* path = MILLPOND_BENCH_DATA "/python.mix";

[[noreturn]] void reject(const std::string& why) {
    throw std::runtime_error(std::string(path) + ": " + why);
}

} // namespace

mixed_trace::mixed_trace() {
    std::ifstream file(path, std::ios::binary);
    file_.resize(file ? std::filesystem::file_size(path) : 0);
    if (!file.read(reinterpret_cast<char*>(file_.data()),
                   static_cast<std::streamsize>(file_.size())) ||
        file_.empty()) {
        reject("cannot be read");
    }
    const auto numbers = static_cast<std::size_t>(
        std::count_if(file_.begin(), file_.end(), [](unsigned char byte) { return byte < 0x80; }));
    events_.reserve(2 * numbers);
    lives_.reserve(numbers);
    free_places_.reserve(numbers);
    decode();
    for (std::size_t number = 0; number < lives_.size(); ++number) {
        if (lives_[number].words != 0) {
            end_life(number);
        }
    }
}

void mixed_trace::decode() {
    std::uint64_t code = 0;
    unsigned shift = 0;
    for (const unsigned char byte : file_) {
        if (shift > 56) {
            reject("a number is too long");
        }
        code |= std::uint64_t{byte & 0x7fU} << shift;
        shift += 7;
        if (byte < 0x80) {
            add(code);
            code = 0;
            shift = 0;
        }
    }
    if (shift != 0) {
        reject("ends within a number");
    }
}

void mixed_trace::add(std::uint64_t code) {
    if (code % 2 == 0) {
        allocate(code / 2);
        return;
    }
    const std::uint64_t age = code / 2;
    if (age >= lives_.size() || lives_[lives_.size() - 1 - age].words == 0) {
        reject("a block is freed that is not live");
    }
    end_life(lives_.size() - 1 - age);
}

void mixed_trace::allocate(std::uint64_t words) {
    constexpr std::uint64_t most_words = std::uint64_t{1} << 27; // 1 GiB
    if (words == 0 || words > most_words) {
        reject("a block has an absurd size");
    }
    const life begun{next_place(), static_cast<std::uint32_t>(words)};
    lives_.push_back(begun);
    events_.push_back({begun.place, 2 * begun.words});
    live_words_ += words;
    if (live_words_ > peak_words_) {
        peak_words_ = live_words_;
        peak_event_ = events_.size();
    }
}

void mixed_trace::end_life(std::size_t number) {
    life& gone = lives_[number];
    events_.push_back({gone.place, 2 * gone.words + 1});
    free_places_.push_back(gone.place);
    live_words_ -= gone.words;
    gone.words = 0;
}

std::uint32_t mixed_trace::next_place() {
    if (free_places_.empty()) {
        return places_++;
    }
    const std::uint32_t place = free_places_.back();
    free_places_.pop_back();
    return place;
}

} // namespace millpond::bench
