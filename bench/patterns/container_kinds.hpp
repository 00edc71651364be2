// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The five containers with a block for each element: how an element comes, goes and is found.
///
/// Each is a class template over a source of memory (run_container_patterns.hpp) with
///
///     explicit Elements(std::size_t count);
///     void begin(Source&);                              // an empty container
///     void insert(std::size_t place, std::uint64_t key);
///     std::uint64_t replace(std::size_t place, std::uint64_t key);  // what it read from the one that went
///     std::uint64_t walk() const;                       // a sum in which the order matters
///     void end();                                       // destroys the container and all that is in it
///
/// A place is a number below `count` that stands for one element. What leads from there to the element
/// lies in a vector beside the container: an iterator where there is no key to look for.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <forward_list>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace millpond::bench {

/// The source's allocator, for another type.
template <class Source, class T>
using allocator_of =
    typename std::allocator_traits<typename Source::allocator_type>::template rebind_alloc<T>;

/// An element of a list: 16 bytes.
struct payload_at_place {
    std::uint64_t value;
    std::uint64_t place;
};

inline std::uint64_t value_of(const payload_at_place& element) noexcept {
    return element.value;
}

inline std::uint64_t value_of(const std::pair<const std::uint64_t, std::uint64_t>& entry) noexcept {
    return entry.second;
}

inline std::uint64_t value_of(std::uint64_t key) noexcept {
    return key;
}

[[noreturn, gnu::noinline, gnu::cold]] inline void lost_an_element() noexcept {
    std::fputs("the container lost an element\n", stderr);
    std::_Exit(4);
}

/// What all five share: an optional container.
template <class Container>
class elements {
public:
    template <class Source>
    void begin(Source& source) {
        items_.emplace(typename Container::allocator_type(source.allocator()));
    }

    void end() { items_.reset(); }

    [[nodiscard]] std::uint64_t walk() const {
        std::uint64_t sum = 0;
        for (const auto& element : *items_) {
            sum = std::rotl(sum, 1) + value_of(element);
        }
        return sum;
    }

protected:
    std::optional<Container> items_;
};

/// Newcomers go to the end.
template <class Source>
class list_elements
    : public elements<std::list<payload_at_place, allocator_of<Source, payload_at_place>>> {
public:
    explicit list_elements(std::size_t count)
        : at_(count) {}

    void insert(std::size_t place, std::uint64_t key) {
        at_[place] = this->items_->insert(this->items_->end(), {key, place});
    }

    std::uint64_t replace(std::size_t place, std::uint64_t key) {
        const std::uint64_t value = at_[place]->value;
        this->items_->erase(at_[place]);
        insert(place, key);
        return value;
    }

private:
    std::vector<
        typename std::list<payload_at_place, allocator_of<Source, payload_at_place>>::iterator>
        at_;
};

/// Newcomers go to the front. Only the element behind a place can be erased: it is that one which goes,
/// and its own place is written in it.
template <class Source>
class forward_list_elements
    : public elements<std::forward_list<payload_at_place, allocator_of<Source, payload_at_place>>> {
public:
    explicit forward_list_elements(std::size_t count)
        : at_(count) {}

    void insert(std::size_t place, std::uint64_t key) {
        this->items_->push_front({key, place});
        at_[place] = this->items_->begin();
    }

    std::uint64_t replace(std::size_t place, std::uint64_t key) {
        auto before = at_[place];
        if (std::next(before) == this->items_->end()) {
            before = this->items_->before_begin();
        }
        const payload_at_place gone = *std::next(before);
        this->items_->erase_after(before);
        insert(gone.place, key);
        return gone.value;
    }

private:
    std::vector<typename std::forward_list<payload_at_place,
                                           allocator_of<Source, payload_at_place>>::iterator>
        at_;
};

/// Those that are found by their key, as programs do it.
template <class Container>
class keyed_elements : public elements<Container> {
public:
    explicit keyed_elements(std::size_t count)
        : keys_(count) {}

    void insert(std::size_t place, std::uint64_t key) {
        keys_[place] = key;
        if constexpr (requires { typename Container::mapped_type; }) {
            this->items_->emplace(key, ~key);
        } else {
            this->items_->insert(key);
        }
    }

    std::uint64_t replace(std::size_t place, std::uint64_t key) {
        const auto found = this->items_->find(keys_[place]);
        if (found == this->items_->end()) [[unlikely]] {
            lost_an_element();
        }
        const std::uint64_t value = value_of(*found);
        this->items_->erase(found);
        insert(place, key);
        return value;
    }

private:
    std::vector<std::uint64_t> keys_;
};

template <class Source>
using set_elements = keyed_elements<
    std::set<std::uint64_t, std::less<std::uint64_t>, allocator_of<Source, std::uint64_t>>>;

template <class Source>
using entry_allocator = allocator_of<Source, std::pair<const std::uint64_t, std::uint64_t>>;

template <class Source>
using map_elements = keyed_elements<
    std::map<std::uint64_t, std::uint64_t, std::less<std::uint64_t>, entry_allocator<Source>>>;

/// Its array of buckets comes from the same source, and grows with it.
template <class Source>
using unordered_map_elements = keyed_elements<std::unordered_map<std::uint64_t,
                                                                 std::uint64_t,
                                                                 std::hash<std::uint64_t>,
                                                                 std::equal_to<std::uint64_t>,
                                                                 entry_allocator<Source>>>;

} // namespace millpond::bench
