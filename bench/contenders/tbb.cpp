// SPDX-License-Identifier: MIT
/// \file
/// oneTBB's memory pool over a fixed buffer.

#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"

#define TBB_PREVIEW_MEMORY_POOL 1
#include <sys/mman.h>
#include <tbb/memory_pool.h>

namespace millpond::bench {

namespace {

/// A mapping of so many bytes, gone with its owner.
class mapping {
public:
    explicit mapping(std::size_t bytes)
        : bytes_(bytes)
        , data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        if (data_ == MAP_FAILED) {
            out_of_blocks();
        }
    }

    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;

    ~mapping() { munmap(data_, bytes_); }

    [[nodiscard]] void* data() const noexcept { return data_; }

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    std::size_t bytes_;
    void* data_;
};

template <std::size_t Bytes>
class tbb_fixed_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    /// It keeps its own structures in the buffer too, in chunks of 16 KiB; a 1 KiB block needs a
    /// fifteenth more, and a few MiB go to bookkeeping. Untouched pages cost nothing.
    explicit tbb_fixed_pool(std::size_t blocks)
        : buffer_(2 * blocks * Bytes + (64U << 20))
        , pool_(buffer_.data(), buffer_.bytes()) {}

    void* allocate() { return pool_.malloc(Bytes); }

    void deallocate(void* block) { pool_.free(block); }

private:
    mapping buffer_;
    tbb::fixed_pool pool_;
};

} // namespace

std::vector<contender> tbb_contenders() {
    return {{.name = "TBB fixed_pool",
             .what = "over a mapping of twice the blocks",
             .abilities = raw_blocks | starts_sized | any_thread,
             .run = run_all_patterns<tbb_fixed_pool>,
             .package = "libtbbmalloc2"}};
}

} // namespace millpond::bench
