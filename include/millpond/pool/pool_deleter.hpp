// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The deleter of a unique owner of a pool's object. Neither the pool's type nor the object's need
/// be complete where an owner is declared:
///
///     struct message {
///         std::unique_ptr<message, millpond::pool_deleter<message_pool>> next;
///     };

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Stops the program: an owner has an object, but no pool to give it back to.
[[noreturn]] MILLPOND_SLOW_PATH inline void refuse_without_pool(const void* object) noexcept {
    stop_on_misuse(misuse_report{.reason = misuse::no_pool, .address = object});
}

} // namespace detail

/// Gives an object back to its pool: the deleter of a pool's `unique`.
///
/// Units:      one object.
/// Complexity: O(1) plus the destructor.
/// Errors:     none for a live object of the pool; any other object, and any object of an owner
///             without a pool, stops the program.
/// Threads:    one at a time per pool; any, at any time, where the pool is a concurrent one.
/// Source:     own.
template <class Pool>
class pool_deleter {
public:
    explicit pool_deleter(Pool* pool = nullptr) noexcept
        : pool_(pool) {}

    /// Destroys the object and frees its block.
    template <class T>
    void operator()(T* object) const noexcept {
        if (checked_build && pool_ == nullptr) [[unlikely]] {
            detail::refuse_without_pool(object);
        }
        pool_->destroy(object);
    }

private:
    Pool* pool_;
};

MILLPOND_NAMESPACE_END
