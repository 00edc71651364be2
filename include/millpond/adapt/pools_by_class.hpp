// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A pool for each size class, made when it is first needed: over an upstream, and for any thread on pages
/// as well. A span_heap answers to the same names.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/size_classes.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/region.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Pool>
class pools_by_class {
public:
    pools_by_class() noexcept = default;

    pools_by_class(const pools_by_class&) = delete;
    pools_by_class& operator=(const pools_by_class&) = delete;
    ~pools_by_class() = default;

    /// nullptr when there is no pool, for the index of no class as well, and when it has no block.
    [[nodiscard]] void* try_allocate(std::uint32_t index) noexcept {
        Pool* const pool = at(index);
        return pool != nullptr ? pool->try_allocate() : nullptr;
    }

    /// As a span_heap's, which leaves to `try_allocate_slow` what its stacks do not have.
    [[nodiscard]] void* try_allocate_kept(std::uint32_t index) noexcept {
        return try_allocate(index);
    }

    [[nodiscard]] static void* try_allocate_slow(std::uint32_t /*index*/) noexcept {
        return nullptr;
    }

    /// As a span_heap's: nothing that is free can be given back for others.
    [[nodiscard]] static bool make_room(std::size_t /*bytes*/) noexcept { return false; }

    /// False for what is no live block of the class.
    [[nodiscard]] bool try_deallocate(void* block, std::uint32_t index) noexcept {
        Pool* const pool = at(index);
        return pool != nullptr && pool->try_deallocate(block);
    }

    [[nodiscard]] bool is_made(std::uint32_t index) const noexcept { return at(index) != nullptr; }

    /// Makes the pool of a class that has none by `construct(place)`, in room for `count` of them. False
    /// when that throws or the system gives no room. One thread at a time.
    template <class Construct>
    [[nodiscard]] bool
    make(std::uint32_t index, std::uint32_t count, const pool_name& name, Construct construct) {
        if (places_.data() == nullptr && !attempt([&] {
                region places = region::mapped({.name = name, .bytes = count * place_bytes});
                places.commit_or_throw(name, count * place_bytes);
                places_ = std::move(places);
            })) {
            return false;
        }
        return attempt([&] {
            auto* const pool = reinterpret_cast<Pool*>(places_.data() + index * place_bytes);
            construct(pool);
            pools_[index].store(pool, std::memory_order_release); // pairs with at()
        });
    }

    [[nodiscard]] bool can_hold(std::uint32_t index, std::size_t blocks) noexcept {
        return at(index)->can_hold(blocks);
    }

    /// Destroys all pools, even those with live blocks. One thread alone.
    void release() noexcept {
        for_each([](Pool& pool) {
            if constexpr (requires { pool.leave_threads(); }) {
                pool.leave_threads();
            }
            pool.retire();
            std::destroy_at(&pool);
        });
        for (auto& pool : pools_) {
            pool.store(nullptr, std::memory_order_relaxed); // nobody else is here
        }
    }

    std::size_t shrink() noexcept {
        std::size_t returned = 0;
        for_each([&returned](Pool& pool) { returned += pool.shrink(); });
        return returned;
    }

    /// The figures of the class's pool, which is made.
    [[nodiscard]] auto stats_of(std::uint32_t index) const noexcept { return at(index)->stats(); }

    /// Why an address is not a block to be freed, or that it is live but has another size.
    [[nodiscard]] misuse_report report_on(const void* address) const noexcept {
        misuse_report report{.reason = misuse::foreign, .address = address};
        for_each([&report](const Pool& pool) {
            const misuse_report found = pool.report_on(report.address);
            if (found.reason != misuse::foreign) {
                report = found;
                report.block_bytes = pool.stride_bytes();
                if (pool.is_live_block(report.address)) {
                    report.reason = misuse::wrong_size;
                }
            }
        });
        return report;
    }

    [[nodiscard]] verdict verify() const noexcept {
        verdict found;
        for_each([&found](Pool& pool) {
            if (found) {
                found = pool.verify();
            }
        });
        return found;
    }

private:
    /// Beginning on cache lines of its own.
    static constexpr std::size_t place_bytes = round_up(sizeof(Pool), 128);

    [[nodiscard]] Pool* at(std::uint32_t index) const noexcept {
        return pools_[index].load(std::memory_order_acquire); // pairs with the release in make()
    }

    template <class Use>
    void for_each(Use use) const noexcept {
        for (std::uint32_t index = 0; index < pools_.size(); ++index) {
            if (Pool* const pool = at(index); pool != nullptr) {
                use(*pool);
            }
        }
    }

    std::array<std::atomic<Pool*>, size_classes::most + 1> pools_{}; // and one for no class
    region places_;                                                  ///< where the pools lie
};

} // namespace detail

MILLPOND_NAMESPACE_END
