// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Objects of one type; their number is chosen at run time.
///
///     millpond::object_pool<order> orders({.name = "orders", .capacity = 1'000'000});
///     order* o = orders.create(id, price, quantity);
///     for (order& live : orders) { ... }     // in address order
///     orders.destroy(o);

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/pool_core.hpp"
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/typed_pool.hpp"

#include <cstddef>

MILLPOND_NAMESPACE_BEGIN

/// How an object_pool is made. `capacity` has no default.
struct object_pool_options {
    pool_name name{};             ///< in every report; at most 31 characters
    std::size_t capacity = 0;     ///< objects ready at construction, at least 1
    std::size_t max_capacity = 0; ///< objects to grow to; 0: never grows. Below 2^32
    bool prefault = false;        ///< touch every committed page now, so that none faults later
    memory_options memory{};      ///< where the memory comes from
};

/// A pool of objects of one type on one contiguous region. Destroys what is left when it dies.
///
/// Units:      objects of type T; a block is sizeof(T) bytes.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; iteration O(capacity / 8)
///             plus the objects; `shrink` and `verify` O(capacity); no system call once committed.
/// Errors:     `try_create` returns nullptr when full, `create` throws pool_exhausted, and both pass
///             on what the constructor throws; destroying anything but a live object stops the
///             program with one line; the constructor throws std::invalid_argument or
///             std::system_error and leaves nothing.
/// Threads:    one thread at a time per pool.
/// Source:     as block_pool.
template <class T>
class object_pool : public detail::typed_pool<
                        T,
                        detail::pool_core<detail::region_storage<detail::static_stride<sizeof(T)>>,
                                          detail::magazine_entries_most>> {
    using base = detail::typed_pool<
        T,
        detail::pool_core<detail::region_storage<detail::static_stride<sizeof(T)>>,
                          detail::magazine_entries_most>>;

public:
    explicit object_pool(const object_pool_options& options)
        : base(options.name, options.name, layout(options), options.memory) {}

    /// Takes over the objects, which stay where they are; the other pool is left without any.
    object_pool(object_pool&&) noexcept = default;

    object_pool& operator=(object_pool&& other) noexcept {
        if (this != &other) {
            base::clear();
            base::operator=(static_cast<base&&>(other));
        }
        return *this;
    }

    object_pool(const object_pool&) = delete;
    object_pool& operator=(const object_pool&) = delete;

    ~object_pool() { base::finish(); }

    /// Commits until `objects` can be live without growing: throws pool_exhausted beyond
    /// max_capacity, or with the system's reason.
    void reserve(std::size_t objects) {
        detail::reserve_or_throw(base::core().storage(), base::name(), objects, base::high_water());
    }

    /// Returns the pages under free blocks to the system and says how many bytes it got back.
    /// They fault in again when used. 0 for locked, heap and buffer memory. O(capacity).
    std::size_t shrink() noexcept { return base::core().shrink(); }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static std::size_t buffer_bytes(const object_pool_options& options) {
        return layout(options).buffer_bytes();
    }

private:
    [[nodiscard]] static detail::pool_layout layout(const object_pool_options& options) {
        return detail::pool_layout::checked(options.name,
                                            sizeof(T),
                                            alignof(T),
                                            options.capacity,
                                            options.max_capacity,
                                            options.prefault);
    }
};

MILLPOND_NAMESPACE_END
