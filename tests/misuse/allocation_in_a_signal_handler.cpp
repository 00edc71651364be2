// SPDX-License-Identifier: MIT
/// \file
/// The direct form in a signal handler is right at every instruction of an allocation or a free of its own thread that it interrupts: it gets a block that nobody else has, and the pool stays sound.
//
// class: allocation in a signal handler
// pools: concurrent_block_pool
// ends:  exit 0
// says:  nothing

#include "interrupt.hpp"
#include "victim.hpp"

namespace {

/// A signal handler that allocates a block and frees the one that it had.
template <class Victim>
class handler {
public:
    explicit handler(Victim& it)
        : it_(it)
        , held_(it.take()) {}

    /// Makes the call, interrupted after so many instructions; false when it is over before that.
    template <class Call>
    bool interrupts(std::size_t instructions, Call call) {
        void* got = nullptr;
        const bool did = misuse::interrupt(instructions, call, [&] {
            got = it_.pool().try_allocate_direct();
            it_.pool().deallocate_direct(held_);
        });
        if (did && got == nullptr) {
            std::exit(4);
        }
        held_ = did ? got : held_;
        if (!did || instructions % 32 == 0) { // what is unsound stays so, and looking takes long
            it_.require_sound();
        }
        return did;
    }

    void require_other_than(const void* block) const {
        if (block == nullptr || block == held_) {
            std::exit(5);
        }
    }

private:
    Victim& it_;
    void* held_;
};

template <class Victim>
void allocate_from_the_own_blocks(Victim& it, handler<Victim>& other) {
    void* block = it.take();
    it.give(block);
    for (std::size_t at = 1; other.interrupts(at, [&] { block = it.take(); }); ++at) {
        other.require_other_than(block);
        it.give(block);
    }
}

template <class Victim>
void allocate_from_the_words(Victim& it, handler<Victim>& other) {
    const auto all = it.take_all();
    it.pool().deallocate_direct(all[500]); // two blocks in words of their own: one for each side
    it.pool().deallocate_direct(all[900]);
    void* block = nullptr;
    for (std::size_t at = 1; other.interrupts(at, [&] { block = it.take(); }); ++at) {
        other.require_other_than(block);
        it.pool().deallocate_direct(block);
    }
    for (void* const each : all) {
        if (each != all[500] && each != all[900]) {
            it.give(each);
        }
    }
}

/// Every free makes an older block leave the thread's own, and another word than the last.
template <class Victim>
void free_to_the_words(Victim& it, handler<Victim>& other) {
    const auto all = it.take_all();
    std::vector<void*> spread;
    for (std::size_t first = 0; first < 65; ++first) {
        for (std::size_t i = first; i < all.size(); i += 65) {
            spread.push_back(all[i]);
        }
    }
    std::size_t next = 0;
    while (next < Victim::kept() + 10) {
        it.give(spread[next++]);
    }
    for (std::size_t at = 1; other.interrupts(at, [&] { it.give(spread[next]); }); ++at) {
        ++next;
    }
}

} // namespace

MISUSE_OF_A_CONCURRENT_POOL({
    if constexpr (Victim::raw) {
        misuse::require_stepping();
        handler<Victim> other(it);
        allocate_from_the_own_blocks(it, other);
        allocate_from_the_words(it, other);
        free_to_the_words(it, other);
    }
})
