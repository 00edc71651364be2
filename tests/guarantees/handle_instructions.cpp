// SPDX-License-Identifier: MIT
/// \file
/// The handle pools whose calls are measured: objects that are moved as bytes, and objects with a move
/// constructor and a destructor of their own, each of which is one store.

#include "millpond/pool/handle_pool.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "subjects.hpp"
#include "tracer.hpp"

namespace millpond::guarantees {

namespace {

/// 48 bytes: a stride that is no power of two divides with a multiplication.
struct plain {
    std::array<std::uint64_t, 6> words;
};

/// The same with code that runs when it is moved and destroyed.
struct noisy {
    noisy() noexcept = default;

    noisy(noisy&& other) noexcept
        : words{std::exchange(other.words[0], 0)} {}

    noisy(const noisy&) = delete;
    noisy& operator=(const noisy&) = delete;
    noisy& operator=(noisy&&) = delete;

    ~noisy() { static_cast<volatile std::uint64_t&>(words[0]) = 0; }

    std::array<std::uint64_t, 6> words{};
};

/// The operations as functions that are not inlined.
template <class T>
struct handle_operations {
    [[gnu::noinline]] static handle<T> try_create(handle_pool<T>& pool) {
        return pool.try_create();
    }

    [[gnu::noinline]] static handle<T> create(handle_pool<T>& pool) { return pool.create(); }

    [[gnu::noinline]] static bool destroy(handle_pool<T>& pool, handle<T> named) {
        return pool.destroy(named);
    }

    [[gnu::noinline]] static T* get(handle_pool<T>& pool, handle<T> named) {
        return pool.get(named);
    }

    [[gnu::noinline]] static bool contains(const handle_pool<T>& pool, handle<T> named) {
        return pool.contains(named);
    }

    [[gnu::noinline]] static handle<T> handle_of(const handle_pool<T>& pool, const T& object) {
        return pool.handle_of(object);
    }
};

/// One kind of objects.
template <class T>
class handle_scenarios {
    using ops = handle_operations<T>;

public:
    handle_scenarios()
        : pool_({.name = "handles", .capacity = objects, .generations = 3}) {}

    void run() {
        stale_ = pool_.create();
        pool_.destroy(stale_);
        fill("slots that were never used");
        look_up(named_[objects / 2], "the object is live");
        measure("handle_pool::try_create", "the pool is full", [&] {
            return static_cast<bool>(ops::try_create(pool_));
        });
        empty("another object is the last one");
        fill("slots from the list of free ones");
        std::mt19937 random(2);
        std::shuffle(named_.begin(), named_.end(), random);
        empty("at random");
        fill("slots from the list of free ones, at random");
        empty("every slot is retired");
        look_up(stale_, "the handle is stale");
        look_up({}, "the handle is null");
        measure(destroy_name, "the handle is stale", [&] { return ops::destroy(pool_, stale_); });
    }

private:
    static constexpr std::size_t objects = 400;
    static constexpr bool is_plain = std::is_same_v<T, plain>;
    static constexpr const char* destroy_name =
        is_plain ? "handle_pool::destroy"
                 : "handle_pool::destroy, with a move constructor and a destructor";

    template <class Call>
    void measure(const char* operation, const char* scenario, Call call) {
        announce(operation, scenario);
        mark();
        const auto result = call();
        mark();
        asm volatile("" : : "r"(&result) : "memory");
    }

    void fill(const char* scenario) {
        named_.clear();
        for (std::size_t i = 0; pool_.available() != 0; ++i) {
            announce(i % 2 == 0 ? "handle_pool::try_create" : "handle_pool::create", scenario);
            mark();
            const handle<T> made = i % 2 == 0 ? ops::try_create(pool_) : ops::create(pool_);
            mark();
            named_.push_back(made);
        }
    }

    void empty(const char* scenario) {
        announce(destroy_name, scenario);
        for (const handle<T> named : named_) {
            mark();
            ops::destroy(pool_, named);
            mark();
        }
    }

    void look_up(handle<T> named, const char* scenario) {
        measure("handle_pool::get", scenario, [&] { return ops::get(pool_, named); });
        measure("handle_pool::contains", scenario, [&] { return ops::contains(pool_, named); });
        if (T* const object = pool_.get(named)) {
            measure(
                "handle_pool::handle_of", scenario, [&] { return ops::handle_of(pool_, *object); });
        }
    }

    handle_pool<T> pool_;
    handle<T> stale_;
    std::vector<handle<T>> named_;
};

} // namespace

void handle_pool_scenarios() {
    handle_scenarios<plain>().run();
    handle_scenarios<noisy>().run();
}

} // namespace millpond::guarantees
