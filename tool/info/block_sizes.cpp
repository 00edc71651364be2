// SPDX-License-Identifier: MIT
#include "info/block_sizes.hpp"

#include <millpond/base/size_classes.hpp>

#include <algorithm>
#include <limits>

namespace millpond::tool {

namespace {

constexpr std::size_t granule = detail::size_classes::granule;

/// Beyond this the usual classes are near enough, and the choice stays quick however many sizes there are.
constexpr std::size_t exact_bytes = 4096;

/// What tells two uses apart.
std::size_t rounded(std::size_t bytes) {
    static constexpr detail::size_classes usual;
    return bytes <= exact_bytes ? std::max(granule, (bytes + granule - 1) / granule * granule)
                                : usual.block_bytes(bytes, 1);
}

} // namespace

void size_profile::add(const event& what) {
    const std::uint64_t gone = what.op == operation::free ? what.block : what.previous;
    if (gone != no_block && sizes_.at(gone) != 0) {
        by_size_[sizes_[gone]].live -= 1;
    }
    if (what.op == operation::free) {
        return;
    }
    requests_ += 1;
    const bool has_class = what.size_bytes <= detail::size_classes::largest_size &&
                           what.alignment_bytes <= detail::size_classes::largest_alignment;
    sizes_.push_back(has_class ? rounded(what.size_bytes) : 0);
    if (has_class) {
        counted& here = by_size_[sizes_.back()];
        here.use.bytes = sizes_.back();
        here.use.requests += 1;
        here.use.asked_bytes += what.size_bytes;
        here.live += 1;
        here.use.most_live = std::max(here.use.most_live, here.live);
    }
}

std::vector<size_use> size_profile::uses() const {
    std::vector<size_use> all;
    for (const auto& [bytes, here] : by_size_) {
        all.push_back(here.use);
    }
    std::sort(all.begin(), all.end(), [](const size_use& a, const size_use& b) {
        return a.bytes < b.bytes;
    });
    return all;
}

std::vector<std::size_t> choose_block_sizes(std::span<const size_use> uses, std::size_t most) {
    const std::size_t count = uses.size();
    most = std::min(most, count);
    if (most == 0) {
        return {};
    }
    // Blocks and bytes of the uses before each.
    std::vector<double> blocks(count + 1);
    std::vector<double> bytes(count + 1);
    for (std::size_t i = 0; i < count; ++i) {
        const auto live = static_cast<double>(uses[i].most_live);
        blocks[i + 1] = blocks[i] + live;
        bytes[i + 1] = bytes[i] + live * static_cast<double>(uses[i].bytes);
    }
    // least[i]: the fewest bytes wasted on the first i uses with so many sizes; first[k][i]: the first use
    // that the last of them serves.
    std::vector<double> least{0};
    least.resize(count + 1, std::numeric_limits<double>::infinity());
    std::vector<std::vector<std::size_t>> first(most, std::vector<std::size_t>(count + 1));
    for (std::size_t k = 0; k < most; ++k) {
        std::vector<double> now(count + 1, std::numeric_limits<double>::infinity());
        for (std::size_t end = k + 1; end <= count; ++end) {
            for (std::size_t begin = k; begin < end; ++begin) {
                const double wasted =
                    static_cast<double>(uses[end - 1].bytes) * (blocks[end] - blocks[begin]) -
                    (bytes[end] - bytes[begin]);
                if (least[begin] + wasted < now[end]) {
                    now[end] = least[begin] + wasted;
                    first[k][end] = begin;
                }
            }
        }
        least = now;
    }
    std::vector<std::size_t> chosen(most);
    for (std::size_t k = most, end = count; k > 0; --k) {
        chosen[k - 1] = uses[end - 1].bytes;
        end = first[k - 1][end];
    }
    return chosen;
}

double waste_percent(std::span<const size_use> uses, std::span<const std::size_t> block_sizes) {
    double asked = 0;
    double had = 0;
    for (const size_use& one : uses) {
        const auto found = std::lower_bound(block_sizes.begin(), block_sizes.end(), one.bytes);
        const std::size_t block = found == block_sizes.end() ? one.bytes : *found;
        const double mean =
            static_cast<double>(one.asked_bytes) / static_cast<double>(one.requests);
        asked += mean * static_cast<double>(one.most_live);
        had += static_cast<double>(block) * static_cast<double>(one.most_live);
    }
    return asked == 0 ? 0 : (had / asked - 1) * 100;
}

} // namespace millpond::tool
