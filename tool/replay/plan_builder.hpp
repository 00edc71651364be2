// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Turns the events of one process into a plan. Events go in one by one, so that a trace of any length
/// needs no more memory than the plan (16 bytes an event) and 4 bytes per block.

#include <cstdint>
#include <string>
#include <vector>

#include "replay/plan.hpp"
#include "replay/pool_choice.hpp"
#include "trace/trace.hpp"

namespace millpond::tool::replay {

/// What the process did, counted while its plan was made.
struct plan_facts {
    std::uint64_t operations = 0;
    std::uint64_t allocations = 0; ///< of every kind but realloc
    std::uint64_t reallocations = 0;
    std::uint64_t frees = 0;
    std::uint64_t never_freed = 0;
    std::uint64_t peak_live_blocks = 0;
    std::uint64_t peak_live_bytes = 0; ///< as asked for, without any allocator's overhead
    std::uint64_t largest_bytes = 0;
    std::uint64_t threads = 0;
    std::uint64_t pooled_operations = 0; ///< a realloc counts twice, as in `counted_operations`
    std::uint64_t counted_operations = 0;
    std::uint64_t plan_bytes = 0;
    std::vector<pool_spec> pools;
};

/// An anonymous file of shared memory, closed on destruction.
class memory_file {
public:
    /// Throws std::system_error.
    memory_file();
    memory_file(memory_file&& other) noexcept;
    memory_file(const memory_file&) = delete;
    memory_file& operator=(const memory_file&) = delete;
    memory_file& operator=(memory_file&&) = delete;
    ~memory_file();

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    /// Writes at `offset`. Throws std::system_error that says how much was to be written.
    void write(const void* bytes, std::size_t count, std::uint64_t offset);
    void read(void* bytes, std::size_t count, std::uint64_t offset) const;

private:
    int descriptor_;
};

/// A plan that is ready to be played.
struct prepared_plan {
    memory_file file;
    plan_facts facts;
    plan_header head;
};

class plan_builder {
public:
    /// Appends one event. Throws trace_error when it contradicts the events before (a free of a block
    /// that is not live, a block allocated twice), std::system_error when memory runs out.
    void add(const event& e);

    /// Ends the plan: checks for what is still live, the choice of pools, the header.
    [[nodiscard]] prepared_plan finish() &&;

private:
    struct live_block {
        std::uint64_t size_bytes = 0;
        std::uint64_t stamp = 0;
        std::uint16_t size_class = from_heap;
        bool live = false;
        std::uint8_t alignment_log2 = 0; ///< as it was asked for, else 0
    };

    void add_allocation(const event& e);
    void add_reallocation(const event& e);
    void add_free(const event& e);
    void admit(std::uint64_t block);
    [[nodiscard]] std::uint32_t slot_for(std::uint64_t block);
    [[nodiscard]] std::uint32_t slot_of(std::uint64_t block) const;
    void begin_life(live_block& place,
                    std::uint64_t size_bytes,
                    std::uint16_t size_class,
                    std::uint8_t alignment_log2);
    void end_life(live_block& place);
    void count_bytes(std::uint64_t gone, std::uint64_t come);
    void emit(const record& r);
    void flush();
    void assign_pools(const pool_choice& choice);
    [[noreturn]] void reject(const std::string& why) const;

    static constexpr std::uint32_t no_slot = ~std::uint32_t{0};

    memory_file file_;
    plan_facts facts_;
    class_table classes_{};
    std::vector<std::uint32_t> slot_of_block_; ///< by block number; no_slot once it is freed
    std::vector<live_block> slots_;
    std::vector<std::uint32_t> free_slots_; ///< last in, first out
    std::vector<record> buffer_;
    std::uint64_t emitted_ = 0;
    std::uint64_t checksum_ = 0;
    std::uint64_t live_bytes_ = 0;
};

} // namespace millpond::tool::replay
