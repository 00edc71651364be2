// SPDX-License-Identifier: MIT
/// \file
/// DPDK's rte_mempool, without huge pages and without devices.

#include <array>
#include <string>

#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

namespace millpond::bench {

namespace {

/// DPDK's own start-up, once in a process, with so much memory for all of its pools.
void start_dpdk(std::size_t mebibytes) {
    std::array<std::string, 10> words = {
        "millpond-bench",
        "--no-huge",
        "--no-shconf",
        "--no-pci",
        "--no-telemetry",
        "--lcores",
        "0@(0-" + std::to_string(sysconf(_SC_NPROCESSORS_ONLN) - 1) + ")",
        "--log-level=error",
        "-m",
        std::to_string(mebibytes)};
    std::array<char*, words.size() + 1> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i) {
        arguments[i] = words[i].data();
    }
    if (rte_eal_init(static_cast<int>(words.size()), arguments.data()) < 0) {
        throw std::runtime_error(std::string("DPDK does not start: ") + rte_strerror(rte_errno));
    }
}

/// Its caches belong to registered threads. They are as large as they can be, and there are more
/// blocks by what they can hold, because what lies in another thread's cache is out of reach.
template <std::size_t Bytes>
class dpdk_mempool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit dpdk_mempool(shared size) {
        constexpr std::size_t cached = RTE_MEMPOOL_CACHE_MAX_SIZE;
        constexpr std::size_t around_each_block = 128; // header, alignment, its place in the ring
        const std::size_t blocks = size.blocks + size.threads * cached * 3 / 2;
        start_dpdk(64 + (blocks * (Bytes + around_each_block) >> 20));
        pool_ = rte_mempool_create("blocks",
                                   static_cast<unsigned>(blocks),
                                   Bytes,
                                   cached,
                                   0,
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   SOCKET_ID_ANY,
                                   0);
        if (pool_ == nullptr) {
            throw std::runtime_error(std::string("DPDK makes no pool: ") + rte_strerror(rte_errno));
        }
    }

    dpdk_mempool(const dpdk_mempool&) = delete;
    dpdk_mempool& operator=(const dpdk_mempool&) = delete;

    ~dpdk_mempool() { rte_mempool_free(pool_); }

    /// The calling thread, registered for as long as this lives.
    class registered {
    public:
        static constexpr std::size_t block_bytes = Bytes;

        explicit registered(rte_mempool* pool)
            : pool_(pool) {
            if (rte_thread_register() != 0) {
                out_of_blocks();
            }
        }

        registered(const registered&) = delete;
        registered& operator=(const registered&) = delete;

        ~registered() { rte_thread_unregister(); }

        void* allocate() noexcept {
            void* block = nullptr;
            return rte_mempool_get(pool_, &block) == 0 ? block : nullptr;
        }

        void deallocate(void* block) noexcept { rte_mempool_put(pool_, block); }

    private:
        rte_mempool* pool_;
    };

    registered local() { return registered(pool_); }

private:
    rte_mempool* pool_ = nullptr;
};

} // namespace

std::vector<contender> dpdk_contenders() {
    return {{.name = "DPDK rte_mempool",
             .what = "without huge pages; caches of 512 for registered threads",
             .abilities = any_thread,
             .run = run_shared_patterns<dpdk_mempool>,
             .package = "librte-mempool23"}};
}

} // namespace millpond::bench
