// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What loop and touches cost without any allocator.
///
/// A pointer is moved forward through memory whose pages are there already. The last few blocks to
/// come back wait on a small stack, so that churn can run; older ones are forgotten until all are
/// back, and then the pointer starts again.

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace millpond::bench {

template <std::size_t Bytes>
class bump_pointer {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit bump_pointer(std::size_t blocks)
        : memory_(static_cast<unsigned char*>(
              std::aligned_alloc(4096, (blocks * Bytes + 4095) & ~4095UL)))
        , next_(memory_)
        , end_(memory_ + blocks * Bytes) {
        std::memset(memory_, 0, blocks * Bytes);
    }

    bump_pointer(const bump_pointer&) = delete;
    bump_pointer& operator=(const bump_pointer&) = delete;

    ~bump_pointer() { std::free(memory_); }

    void* allocate() noexcept {
        ++live_;
        if (waiting_ != 0) {
            return returned_[--waiting_];
        }
        if (next_ == end_) [[unlikely]] {
            return nullptr;
        }
        void* const block = next_;
        next_ += Bytes;
        return block;
    }

    void deallocate(void* block) noexcept {
        if (--live_ == 0) {
            next_ = memory_;
            waiting_ = 0;
        } else if (waiting_ < returned_.size()) {
            returned_[waiting_++] = block;
        }
    }

private:
    unsigned char* memory_;
    unsigned char* next_;
    unsigned char* end_;
    std::size_t live_ = 0;
    std::size_t waiting_ = 0;
    std::array<void*, 32> returned_{};
};

} // namespace millpond::bench
