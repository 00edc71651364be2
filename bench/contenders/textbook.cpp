// SPDX-License-Identifier: MIT
/// \file
/// The pool of every tutorial: one malloc, cut into blocks that are linked through themselves.

#include <cstdlib>
#include <mutex>
#include <new>

#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"

namespace millpond::bench {

namespace {

template <std::size_t Bytes>
class textbook {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit textbook(std::size_t blocks)
        : memory_(static_cast<unsigned char*>(std::malloc(blocks * Bytes))) {
        if (memory_ == nullptr) {
            throw std::bad_alloc();
        }
        for (std::size_t i = blocks; i > 0; --i) {
            deallocate(memory_ + (i - 1) * Bytes);
        }
    }

    textbook(const textbook&) = delete;
    textbook& operator=(const textbook&) = delete;

    ~textbook() { std::free(memory_); }

    void* allocate() noexcept {
        link* const first = first_;
        if (first == nullptr) [[unlikely]] {
            return nullptr;
        }
        first_ = first->next;
        return first;
    }

    void deallocate(void* block) noexcept { first_ = ::new (block) link{first_}; }

private:
    struct link {
        link* next;
    };

    unsigned char* memory_;
    link* first_ = nullptr;
};

/// The same, as it is usually made ready for threads.
template <std::size_t Bytes>
class locked_textbook {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit locked_textbook(std::size_t blocks)
        : list_(blocks) {}

    void* allocate() {
        const std::lock_guard held(lock_);
        return list_.allocate();
    }

    void deallocate(void* block) {
        const std::lock_guard held(lock_);
        list_.deallocate(block);
    }

private:
    std::mutex lock_;
    textbook<Bytes> list_;
};

} // namespace

std::vector<contender> textbook_contenders() {
    return {{.name = "textbook list",
             .what = "free list inside the blocks, linked eagerly over one malloc; no checks",
             .abilities = raw_blocks | starts_sized,
             .run = run_patterns<textbook>},
            {.name = "textbook list, mutex",
             .what = "the same behind a std::mutex",
             .abilities = any_thread,
             .run = run_shared_patterns<locked_textbook>}};
}

} // namespace millpond::bench
