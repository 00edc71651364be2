// SPDX-License-Identifier: MIT
/// \file
/// The function that the library calls before every atomic step, and what a test can make it do.

#include "interleave.hpp"

#include <sched.h>

namespace millpond::test {

namespace {

constinit thread_local std::uint64_t random_state = 0;
constinit thread_local std::uint32_t yields_one_in = 0;
constinit thread_local std::uint32_t steps_to_go = 0;
constinit thread_local stop_light* light_ahead = nullptr;
using action = void (*)(void*);
constinit thread_local action act_now = nullptr;
constinit thread_local void* act_context = nullptr;
constinit thread_local bool is_acting = false;
constinit thread_local std::uint64_t made = 0;

} // namespace

void stop_here(stop_light& light) noexcept {
    light.state_ = stop_light::stopped;
    light.state_.notify_all();
    light.state_.wait(stop_light::stopped);
}

void yield_at_random(std::uint64_t seed, std::uint32_t rarity) noexcept {
    random_state = seed * 0x9e3779b97f4a7c15U + 1;
    yields_one_in = rarity;
}

void act_at_each_step(void (*act)(void*), void* context) noexcept {
    act_now = act;
    act_context = context;
}

std::uint64_t steps_made() noexcept {
    return made;
}

void stop_light::stop_me_after(std::uint32_t steps) noexcept {
    steps_to_go = steps;
    light_ahead = this;
}

bool stop_light::disarm_me() noexcept {
    const bool was_armed = light_ahead == this;
    light_ahead = nullptr;
    return was_armed;
}

bool stop_light::wait_until_stopped() noexcept {
    state_.wait(moving);
    return state_ == stopped;
}

void stop_light::pass() noexcept {
    std::uint32_t expected = moving;
    state_.compare_exchange_strong(expected, passed);
    state_.notify_all();
}

void stop_light::let_go() noexcept {
    state_ = released;
    state_.notify_all();
}

} // namespace millpond::test

extern "C" void millpond_interleave() noexcept;

extern "C" void millpond_interleave() noexcept {
    using namespace millpond::test;
    if (is_acting) {
        return;
    }
    ++made;
    if (act_now != nullptr) {
        is_acting = true;
        act_now(act_context);
        is_acting = false;
    }
    if (light_ahead != nullptr && steps_to_go-- == 0) {
        stop_light* const light = light_ahead;
        light_ahead = nullptr;
        stop_here(*light);
    }
    if (yields_one_in == 0) {
        return;
    }
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    if ((random_state >> 33) % yields_one_in == 0) {
        sched_yield();
    }
}
