// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does an allocator cost, and save, inside the standard's node containers?
///
/// An empty container gets so many elements with random keys (`build`), elements drawn at random are
/// erased and new ones inserted (`churn`), all are read in the container's order (`walk`), and the
/// container is destroyed with all that is in it (`clear`). Unit: nanoseconds per element, or per
/// replacement. The container's own work is in it, for everyone.
///
/// Of small containers there is one after the other, and the median counts; so all but the first, which
/// is not timed, are built from what others left. Of the largest there is one, from fresh memory.
///
/// From 10,000 elements on, of the first container: what the process' anonymous resident memory grew
/// by, per element, when it was built, when it had been churned, and when it was gone and the library
/// had been asked to give memory back (`built bytes`, `churned bytes`, `kept bytes`).

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "measure.hpp"
#include "patterns/container_kinds.hpp"
#include "patterns/memory.hpp"
#include "task.hpp"
#include "trim_heap.hpp"

namespace millpond::bench {

/// A floor, which takes nothing back until all is free.
template <class Source>
concept rewinds = requires(Source& source) {
    source.rewind();
};

/// Asks for free memory to be returned: the source, where it can, and the heap that may lie under it.
template <class Source>
void trim(Source& source) {
    if constexpr (requires { source.trim(); }) {
        source.trim();
    }
    trim_heap();
}

/// Containers of one kind, one after the other, and the passes over them, which are as in passes.hpp.
template <template <class> class Elements, class Source>
class container_under_test {
public:
    container_under_test(Source& source, std::size_t count)
        : source_(source)
        , keys_(count)
        , elements_(count) {
        std::generate(keys_.begin(), keys_.end(), [this] { return random_.next(); });
    }

    [[gnu::noinline]] void build() {
        const std::span<const std::uint64_t> keys(keys_);
        elements_.begin(source_);
        for (std::size_t place = 0; place < keys.size(); ++place) {
            elements_.insert(place, keys[place]);
            let_go();
        }
    }

    [[gnu::noinline]] void churn() {
        const std::size_t places = keys_.size();
        const std::size_t count = replacements();
        random_source random = random_;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            // The place is drawn first, whichever argument a compiler evaluates first.
            const std::size_t place = random.below(places);
            sum += elements_.replace(place, random.next());
            let_go();
        }
        random_ = random;
        checksum_ += sum;
    }

    [[gnu::noinline]] void walk() { checksum_ += elements_.walk(); }

    [[gnu::noinline]] void clear() { elements_.end(); }

    [[nodiscard]] std::size_t replacements() const noexcept {
        constexpr std::size_t most = 200'000; // in a map of a million each takes a microsecond
        return std::min(keys_.size(), most);
    }

    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }

private:
    /// The source finds its state in memory at the next call, as in measure.hpp.
    [[gnu::always_inline]] void let_go() noexcept {
        asm volatile("" : : "r"(&source_), "r"(this) : "memory");
    }

    Source& source_;
    random_source random_;
    std::vector<std::uint64_t> keys_;
    Elements<Source> elements_;
    std::uint64_t checksum_ = 0;
};

/// What the passes took, in nanoseconds, one number for each container.
class pass_times {
public:
    pass_times(std::size_t containers, double (*now_ns)() noexcept)
        : now_ns_(now_ns) {
        for (std::vector<double>& each : ns_) {
            each.reserve(containers);
        }
    }

    template <class Pass>
    void time(std::size_t number, Pass&& pass) {
        const double start = now_ns_();
        pass();
        ns_[number].push_back(now_ns_() - start);
    }

    /// The median, of all but the first where there are several.
    [[nodiscard]] double median_ns(std::size_t number) const {
        const std::vector<double>& all = ns_[number];
        return median({all.begin() + (all.size() > 1 ? 1 : 0), all.end()});
    }

private:
    double (*now_ns_)() noexcept;
    std::array<std::vector<double>, 4> ns_;
};

template <template <class> class Elements, class Source>
outcome measure_container(Source& source, const task& asked) {
    constexpr std::size_t fewest_for_memory = 10'000; // below, pages are coarser than the question
    constexpr std::size_t fewest_for_cpu_time = 10'000; // below, to ask for it takes too long
    const std::size_t containers = 1 + asked.operations / asked.blocks;
    container_under_test<Elements, Source> container(source, asked.blocks);
    pass_times times(containers, asked.blocks < fewest_for_cpu_time ? wall_ns : cpu_ns);
    trim_heap();
    const resident_growth memory;
    std::vector<double> bytes;
    for (std::size_t i = 0; i < containers; ++i) {
        const auto look = [&] {
            if (i == 0 && asked.blocks >= fewest_for_memory) {
                bytes.push_back(memory.bytes() / static_cast<double>(asked.blocks));
            }
        };
        times.time(0, [&] { container.build(); });
        look();
        times.time(1, [&] { container.churn(); });
        look();
        times.time(2, [&] { container.walk(); });
        times.time(3, [&] { container.clear(); });
        if constexpr (rewinds<Source>) {
            source.rewind();
        } else if (i == 0) {
            trim(source);
        }
        look();
    }
    outcome found;
    found.checksum = container.checksum();
    const auto report = [&](const char* name, std::size_t number, std::size_t elements) {
        found.figures.push_back({name, times.median_ns(number) / static_cast<double>(elements)});
    };
    report("build", 0, asked.blocks);
    if (!rewinds<Source>) {
        report("churn", 1, container.replacements());
    }
    report("walk", 2, asked.blocks);
    report("clear", 3, asked.blocks);
    if (!rewinds<Source> && !bytes.empty()) {
        found.figures.push_back({"built bytes", bytes[0]});
        found.figures.push_back({"churned bytes", bytes[1]});
        found.figures.push_back({"kept bytes", bytes[2]});
    }
    return found;
}

} // namespace millpond::bench
