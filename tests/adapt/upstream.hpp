// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Where a resource under test gets its memory from: an upstream that writes down every block, gives no
/// more than it was asked for, and can refuse.
///
///     | any address | bytes, full of garbage | fence |
///                   ^ a multiple of the alignment, never of twice the alignment
///
/// Nothing is asserted here, because `deallocate` must not throw: the first thing that went wrong is
/// kept in `fault()`. Two calls at once are a fault too, which is what a resource for many threads
/// promises its upstream.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory_resource>
#include <new>
#include <string>

#include "filled.hpp"

namespace millpond::test {

/// What a call that is refused throws.
struct refusal {
    int call = 0; ///< which one, counted from the `refuse_after` that ordered it
};

class checking_upstream final : public std::pmr::memory_resource {
public:
    /// As a block was asked for.
    struct request {
        std::size_t bytes = 0;
        std::size_t alignment = 0;
    };

    checking_upstream() = default;
    checking_upstream(const checking_upstream&) = delete;
    checking_upstream& operator=(const checking_upstream&) = delete;

    /// What is still out is gone now; tests look at `bytes()` before.
    ~checking_upstream() override {
        for (const auto& [place, one] : live_) {
            ::operator delete(one.memory);
        }
    }

    /// Lets so many allocations pass and refuses the `many` that follow.
    void refuse_after(int calls, int many = 1) {
        next_call_ = 0;
        first_refused_ = calls;
        refusals_left_ = many;
        last_refused_ = -1;
    }

    /// Refuses nothing any more.
    void relent() { refusals_left_ = 0; }

    /// The number of the call that was refused last, -1 when none was.
    [[nodiscard]] int last_refused() const { return last_refused_; }

    /// Throws std::bad_alloc rather than have more bytes out at once.
    void set_limit(std::size_t bytes) { limit_ = bytes; }

    /// Bytes and blocks that are out now, the most bytes that ever were, and the largest request.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    [[nodiscard]] std::size_t blocks() const { return live_.size(); }

    [[nodiscard]] std::size_t peak_bytes() const { return peak_bytes_; }

    [[nodiscard]] std::size_t largest_request() const { return largest_request_; }

    /// Allocations that were granted.
    [[nodiscard]] std::size_t calls() const { return calls_; }

    /// What was asked for when the memory around an address was handed out; nothing when it was not.
    [[nodiscard]] request request_around(const void* address) const {
        const auto after = live_.upper_bound(address);
        if (after == live_.begin()) {
            return {};
        }
        const auto& [place, one] = *std::prev(after);
        const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) -
                                                     static_cast<const std::byte*>(place));
        return offset < std::max<std::size_t>(one.asked.bytes, 1) ? one.asked : request{};
    }

    /// The first thing that went wrong; empty when nothing did.
    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    static constexpr std::size_t fence_bytes = 24;
    static constexpr int garbage = 0xa5;
    static constexpr unsigned char fence = 0xfe;

    struct record {
        request asked;
        void* memory = nullptr; ///< of the heap
    };

    /// Notices two calls at once.
    class visit {
    public:
        explicit visit(checking_upstream& to)
            : to_(to) {
            if (to_.visitors_.fetch_add(1) != 0) {
                to_.note("two calls at once");
            }
        }

        visit(const visit&) = delete;
        visit& operator=(const visit&) = delete;

        ~visit() { to_.visitors_.fetch_sub(1); }

    private:
        checking_upstream& to_;
    };

    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        const visit here(*this);
        const int call = next_call_++;
        if (call >= first_refused_ && refusals_left_ > 0) {
            --refusals_left_;
            last_refused_ = call;
            throw refusal{call};
        }
        if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
            note("an alignment that is no power of two");
            throw std::bad_alloc();
        }
        if (bytes > limit_ - bytes_ || bytes > std::size_t{1} << 40) {
            throw std::bad_alloc();
        }
        void* const memory = ::operator new(bytes + 2 * alignment + fence_bytes);
        auto address = reinterpret_cast<std::uintptr_t>(memory);
        address += (0 - address) % alignment;
        address += address / alignment % 2 == 0 ? alignment : 0;
        auto* const place = reinterpret_cast<std::byte*>(address);
        std::memset(place, garbage, bytes);
        std::memset(place + bytes, fence, fence_bytes);
        live_[place] = {{bytes, alignment}, memory};
        bytes_ += bytes;
        peak_bytes_ = std::max(peak_bytes_, bytes_);
        largest_request_ = std::max(largest_request_, bytes);
        ++calls_;
        return place;
    }

    void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
        const visit here(*this);
        const auto found = live_.find(block);
        if (found == live_.end()) {
            note("a block came back that was not out");
            return;
        }
        const record& one = found->second;
        if (one.asked.bytes != bytes || one.asked.alignment != alignment) {
            note("a block of " + std::to_string(one.asked.bytes) + " bytes aligned to " +
                 std::to_string(one.asked.alignment) + " came back as " + std::to_string(bytes) +
                 " bytes aligned to " + std::to_string(alignment));
        }
        const auto* const end = static_cast<const std::byte*>(block) + one.asked.bytes;
        if (!is_filled_with(fence, end, fence_bytes)) {
            note("somebody wrote behind a block");
        }
        bytes_ -= one.asked.bytes;
        std::memset(block, garbage, one.asked.bytes);
        ::operator delete(one.memory);
        live_.erase(found);
    }

    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    void note(const std::string& what) {
        if (fault_.empty()) {
            fault_ = what;
        }
    }

    std::map<const void*, record, std::less<>> live_;
    std::size_t bytes_ = 0;
    std::size_t peak_bytes_ = 0;
    std::size_t largest_request_ = 0;
    std::size_t calls_ = 0;
    std::size_t limit_ = ~std::size_t{0};
    int next_call_ = 0;
    int first_refused_ = 0;
    int refusals_left_ = 0;
    int last_refused_ = -1;
    std::string fault_;
    std::atomic<int> visitors_ = 0;
};

} // namespace millpond::test
