// SPDX-License-Identifier: MIT
/// \file
/// The floor of every pattern: its loop, its touches and what carries blocks from thread to thread,
/// with next to no allocator.

#include <atomic>
#include <memory_resource>
#include <mutex>
#include <vector>

#include "contenders/bump_pointer.hpp"
#include "contenders/registry.hpp"
#include "contenders/run_container_patterns.hpp"
#include "contenders/run_patterns.hpp"
#include "contenders/run_shared_patterns.hpp"

namespace millpond::bench {

namespace {

/// Blocks that are there already, each once.
template <std::size_t Bytes>
class prepared_blocks {
public:
    explicit prepared_blocks(std::size_t blocks)
        : blocks_(blocks)
        , memory_(static_cast<unsigned char*>(std::aligned_alloc(4096, whole_pages(blocks)))) {
        std::memset(memory_, 0, blocks * Bytes);
    }

    prepared_blocks(const prepared_blocks&) = delete;
    prepared_blocks& operator=(const prepared_blocks&) = delete;

    ~prepared_blocks() { std::free(memory_); }

    [[nodiscard]] std::size_t size() const noexcept { return blocks_; }

    [[nodiscard]] void* operator[](std::size_t index) const noexcept {
        return memory_ + index * Bytes;
    }

private:
    static std::size_t whole_pages(std::size_t blocks) noexcept {
        return (blocks * Bytes + 4095) & ~4095UL;
    }

    std::size_t blocks_;
    unsigned char* memory_;
};

/// For the hand-off: the same blocks in the same order, round and round. There are twice as many as
/// the ring holds, so none comes again before it has been read.
template <std::size_t Bytes>
class circle {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit circle(std::size_t blocks)
        : blocks_(blocks) {}

    void* allocate() noexcept {
        next_ = next_ + 1 == blocks_.size() ? 0 : next_ + 1;
        return blocks_[next_];
    }

    void deallocate(void* /*block*/) noexcept {}

private:
    prepared_blocks<Bytes> blocks_;
    std::size_t next_ = 0; // only the producer allocates
};

/// For the hand-off: what one builds by hand, a second ring that carries free blocks back.
template <std::size_t Bytes>
class return_ring {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit return_ring(std::size_t blocks)
        : blocks_(blocks)
        , back_(blocks) {
        for (std::size_t i = 0; i < blocks; ++i) {
            back_.push(blocks_[i]);
        }
    }

    void* allocate() noexcept { return back_.pop(); }

    void deallocate(void* block) noexcept { back_.push(block); }

private:
    prepared_blocks<Bytes> blocks_;
    spsc_ring back_;
};

/// For blocks that change hands both ways: every thread keeps what it frees on a stack of its own,
/// takes from there, and leaves the stack to a thread that starts when it ends. It works only where
/// each frees as many as it allocates, and it is no allocator otherwise.
template <std::size_t Bytes>
class private_stacks {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit private_stacks(std::size_t blocks)
        : blocks_(blocks) {}

    class stack {
    public:
        static constexpr std::size_t block_bytes = Bytes;

        explicit stack(private_stacks& all)
            : all_(all)
            , mine_(all.inherited()) {}

        stack(const stack&) = delete;
        stack& operator=(const stack&) = delete;

        ~stack() { all_.leave(std::move(mine_)); }

        void* allocate() {
            if (mine_.empty()) [[unlikely]] {
                return all_.fresh();
            }
            void* const block = mine_.back();
            mine_.pop_back();
            return block;
        }

        void deallocate(void* block) { mine_.push_back(block); }

    private:
        private_stacks& all_;
        std::vector<void*> mine_;
    };

    stack local() { return stack(*this); }

private:
    void* fresh() noexcept {
        const std::size_t index =
            used_.fetch_add(1, std::memory_order_relaxed); // a number, no more
        return index < blocks_.size() ? blocks_[index] : nullptr;
    }

    std::vector<void*> inherited() {
        const std::lock_guard held(lock_);
        std::vector<void*> one;
        if (!left_.empty()) {
            one = std::move(left_.back());
            left_.pop_back();
        }
        return one;
    }

    void leave(std::vector<void*> one) {
        const std::lock_guard held(lock_);
        left_.push_back(std::move(one));
    }

    prepared_blocks<Bytes> blocks_;
    std::atomic<std::size_t> used_ = 0;
    std::mutex lock_;
    std::vector<std::vector<void*>> left_;
};

/// For containers: a pointer moved through memory that is there already. What is freed is forgotten, so
/// a container is churned here too, for the same sum, but what that took says nothing.
class monotonic_source {
public:
    using allocator_type = std::pmr::polymorphic_allocator<std::byte>;

    explicit monotonic_source(std::size_t bytes)
        : memory_(bytes)
        , resource_(memory_.data(), memory_.size(), std::pmr::null_memory_resource()) {}

    allocator_type allocator() noexcept { return &resource_; }

    void rewind() noexcept { resource_.release(); }

private:
    std::vector<std::byte> memory_;
    std::pmr::monotonic_buffer_resource resource_;
};

outcome run_floor_of_containers(const task& asked) {
    // A document's value is a string, a place in a vector that has been grown, or a key and a value.
    const std::size_t bytes_each = asked.what == pattern::json_document ? 512 : 192;
    monotonic_source source(asked.blocks * bytes_each + (std::size_t{1} << 20));
    return run_containers(source, asked);
}

outcome run_floor(const task& asked) {
    switch (asked.what) {
    case pattern::hand_off:
        return measure_hand_off<circle<large_pattern_block_bytes>>(asked);
    case pattern::exchange:
        return measure_exchange<private_stacks<large_pattern_block_bytes>>(asked);
    case pattern::thread_lives:
        return measure_thread_lives<private_stacks<large_pattern_block_bytes>>(asked);
    case pattern::local_bursts:
    case pattern::latency_shared:
        return run_apart<one_per_thread<bump_pointer<large_pattern_block_bytes>>>(asked);
    default:
        return run_patterns<bump_pointer>(asked);
    }
}

} // namespace

std::vector<contender> floor_contenders() {
    return {
        {.name = "floor",
         .what = "a pointer moved through prefaulted memory; the touches, and nothing else. "
                 "With several threads: blocks that are there already, and the ring or the slots",
         .abilities = raw_blocks | any_thread,
         .run = run_floor},
        {.name = "floor (second ring)",
         .what = "what one builds by hand: free blocks come back through a ring of their own",
         .abilities = one_way,
         .run =
             [](const task& asked) {
                 return measure_hand_off<return_ring<large_pattern_block_bytes>>(asked);
             }},
        {.name = "floor (monotonic buffer)",
         .what = "std::pmr::monotonic_buffer_resource over prefaulted memory, which takes nothing "
                 "back",
         .abilities = node_containers | documents,
         .run = run_floor_of_containers}};
}

} // namespace millpond::bench
