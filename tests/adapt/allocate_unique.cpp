// SPDX-License-Identifier: MIT
/// \file
/// Unique owners of objects in an allocator's memory: adapt/allocate_unique.hpp.

#include "millpond/adapt/allocate_unique.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using millpond::allocate_unique;
using millpond::allocation_deleter;

namespace {

/// What an allocator has seen.
struct ledger {
    int allocated = 0;
    int deallocated = 0;
    int constructed = 0;
    int destroyed = 0;
    int calls_before_failure = 1'000'000; ///< of allocate
};

/// Writes everything that is asked of it into a ledger.
template <class T>
class booking {
public:
    using value_type = T;

    explicit booking(ledger& book) noexcept
        : book_(&book) {}

    template <class U>
    // NOLINTNEXTLINE(google-explicit-constructor): allocators convert to each other
    booking(const booking<U>& other) noexcept
        : book_(&other.book()) {}

    [[nodiscard]] T* allocate(std::size_t count) {
        if (book_->calls_before_failure-- == 0) {
            throw std::bad_alloc();
        }
        ++book_->allocated;
        return std::allocator<T>().allocate(count);
    }

    void deallocate(T* memory, std::size_t count) noexcept {
        ++book_->deallocated;
        std::allocator<T>().deallocate(memory, count);
    }

    template <class U, class... Arguments>
    void construct(U* place, Arguments&&... arguments) {
        ::new (static_cast<void*>(place)) U(std::forward<Arguments>(arguments)...);
        ++book_->constructed;
    }

    template <class U>
    void destroy(U* object) noexcept {
        ++book_->destroyed;
        object->~U();
    }

    [[nodiscard]] ledger& book() const noexcept { return *book_; }

    [[nodiscard]] friend bool operator==(const booking&, const booking&) noexcept = default;

private:
    ledger* book_;
};

/// Empty, and no class can derive from it.
template <class T>
struct final_allocator final {
    using value_type = T;

    final_allocator() noexcept = default;

    template <class U>
    // NOLINTNEXTLINE(google-explicit-constructor): allocators convert to each other
    final_allocator(const final_allocator<U>& /*other*/) noexcept {}

    [[nodiscard]] T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }

    void deallocate(T* memory, std::size_t count) noexcept {
        std::allocator<T>().deallocate(memory, count);
    }

    [[nodiscard]] friend bool operator==(const final_allocator&,
                                         const final_allocator&) noexcept = default;
};

/// Throws from its constructor when told to; its members have been constructed by then.
struct fragile {
    static inline int alive = 0;

    struct member {
        member() { ++alive; }

        member(const member&) = delete;
        member& operator=(const member&) = delete;

        ~member() { --alive; }
    };

    explicit fragile(bool broken) {
        if (broken) {
            throw std::runtime_error("broken");
        }
    }

    member whole;
};

struct base {
    virtual ~base() = default;
};

struct derived : base {};

/// Hides where it is.
struct shy {
    int value = 0;

    shy* operator&() { return nullptr; } // NOLINT(google-runtime-operator): a type may do that
};

struct alignas(256) wide {
    char text[3];
};

template <class T>
concept can_be_allocated = requires(const std::allocator<char>& memory) {
    allocate_unique<T>(memory);
};

template <class T>
using owner_of = std::unique_ptr<T, allocation_deleter<std::allocator<T>>>;

} // namespace

static_assert(sizeof(allocate_unique<int>(std::allocator<int>())) == sizeof(int*),
              "the owner of an empty allocator is a pointer");
static_assert(sizeof(allocate_unique<int>(final_allocator<int>())) == sizeof(int*));
static_assert(sizeof(allocate_unique<int>(std::pmr::polymorphic_allocator<>())) ==
              2 * sizeof(void*));
static_assert(std::is_same_v<decltype(allocate_unique<int>(std::allocator<char>())), owner_of<int>>,
              "the allocator is rebound");
static_assert(can_be_allocated<int>);
static_assert(!can_be_allocated<int[3]> && !can_be_allocated<int[]>, "no arrays");
static_assert(!can_be_allocated<const int> && !can_be_allocated<volatile int>);
static_assert(!can_be_allocated<void> && !can_be_allocated<int&>);
static_assert(!std::is_convertible_v<owner_of<derived>, owner_of<base>> &&
                  !std::is_convertible_v<owner_of<derived>, std::unique_ptr<base>>,
              "an owner does not become one of a base");
static_assert(std::is_nothrow_move_constructible_v<owner_of<int>>);

TEST_CASE("an object is allocated, constructed, destroyed and deallocated once, by the allocator") {
    ledger book;
    {
        const auto owner = allocate_unique<std::string>(booking<int>(book), 30U, 'x');
        CHECK(*owner == std::string(30, 'x'));
        CHECK(book.allocated == 1);
        CHECK(book.constructed == 1);
        CHECK(book.destroyed == 0);
        CHECK(&owner.get_deleter().get_allocator().book() == &book);
    }
    CHECK(book.destroyed == 1);
    CHECK(book.deallocated == 1);
}

TEST_CASE("an owner that moves, swaps, resets and releases destroys each object once") {
    ledger book;
    {
        auto one = allocate_unique<std::string>(booking<int>(book), "one");
        auto two = allocate_unique<std::string>(booking<char>(book), "two");
        two.swap(one);
        CHECK(*one == "two");
        auto three = std::move(one);
        CHECK(book.destroyed == 0);
        three = std::move(two);
        CHECK(book.destroyed == 1);
        CHECK(*three == "one");
        std::string* const released = three.release();
        CHECK(book.destroyed == 1);
        three.get_deleter()(released);
        three.reset();
    }
    CHECK(book.allocated == 2);
    CHECK(book.destroyed == 2);
    CHECK(book.deallocated == 2);
}

TEST_CASE("a constructor that throws gives the memory back and passes its exception on") {
    ledger book;
    for (int i = 0; i < 5; ++i) {
        CHECK_THROWS_WITH_AS(
            (void)allocate_unique<fragile>(booking<int>(book), true), "broken", std::runtime_error);
    }
    CHECK(book.allocated == 5);
    CHECK(book.deallocated == 5);
    CHECK(book.constructed == 0);
    CHECK(book.destroyed == 0);
    CHECK(fragile::alive == 0);
    CHECK(allocate_unique<fragile>(booking<int>(book), false) != nullptr);
    CHECK(book.deallocated == 6);
    CHECK(fragile::alive == 0);
}

TEST_CASE("an allocator that throws at any of several calls leaves nothing of those before") {
    ledger book;
    int failures = 0;
    for (bool thrown = true; thrown; ++failures) {
        book.calls_before_failure = failures;
        thrown = false;
        try {
            const auto first = allocate_unique<std::string>(booking<int>(book), "first");
            const auto second = allocate_unique<std::string>(booking<int>(book), "second");
            const auto third = allocate_unique<std::string>(booking<int>(book), "third");
            CHECK(third->size() == 5);
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
        CHECK(book.allocated == book.deallocated);
        CHECK(book.constructed == book.destroyed);
    }
    CHECK(failures == 4);
}

TEST_CASE("a polymorphic allocator hands its resource on to the object and takes the memory back") {
    std::array<std::byte, 4096> room{};
    std::pmr::monotonic_buffer_resource resource(
        room.data(), room.size(), std::pmr::null_memory_resource());
    const std::pmr::polymorphic_allocator<> memory(&resource);
    const auto owner = allocate_unique<std::pmr::vector<std::pmr::string>>(memory);
    owner->emplace_back("a text that is too long to lie in the string itself");
    CHECK(owner->get_allocator().resource() == &resource);
    CHECK(owner->front().get_allocator().resource() == &resource);
    const auto* const place = reinterpret_cast<const std::byte*>(owner.get());
    CHECK(place >= room.data());
    CHECK(place < room.data() + room.size());
}

TEST_CASE("objects of every alignment, of empty types and of types that hide can be owned") {
    const auto wide_owner = allocate_unique<wide>(std::allocator<int>());
    CHECK(reinterpret_cast<std::uintptr_t>(wide_owner.get()) % 256 == 0);
    CHECK(allocate_unique<final_allocator<int>>(std::allocator<int>()) != nullptr);
    const auto shy_owner = allocate_unique<shy>(std::allocator<int>());
    CHECK(shy_owner->value == 0);
    const auto pointer_owner = allocate_unique<const char*>(final_allocator<int>(), "text");
    CHECK(std::string(*pointer_owner) == "text");
}
