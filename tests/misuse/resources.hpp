// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The resources that the programs of this folder misuse: for one thread and for any, on pages of their
/// own and over an upstream, chosen by the first argument. Every one is named "victim" and lies in static
/// memory, so that a dead one's memory stays readable.

#include "victim.hpp"

namespace misuse {

inline constexpr std::size_t usual_alignment = alignof(std::max_align_t);

template <class Resource>
class resource_victim {
public:
    explicit resource_victim(std::pmr::memory_resource* upstream)
        : upstream_(upstream)
        , resource_(::new (place_.data()) Resource({.name = "victim"}, upstream)) {}

    resource_victim(const resource_victim&) = delete;
    resource_victim& operator=(const resource_victim&) = delete;
    ~resource_victim() = default; // what becomes of the resource is the program's business

    void* take(std::size_t bytes, std::size_t alignment = usual_alignment) {
        return opaque(resource_)->allocate(bytes, alignment);
    }

    void give(void* block, std::size_t bytes, std::size_t alignment = usual_alignment) {
        opaque(resource_)->deallocate(block, bytes, alignment);
    }

    Resource& resource() { return *resource_; }

    /// Makes it anew, with other options.
    void make(const millpond::pool_resource_options& options) {
        std::destroy_at(resource_);
        resource_ = ::new (place_.data()) Resource(options, upstream_);
    }

    void destroy() { std::destroy_at(resource_); }

    void require_sound() {
        if (!resource_->verify()) {
            std::fprintf(stderr, "unsound: %s\n", resource_->verify().fault);
            std::exit(3);
        }
    }

private:
    alignas(Resource) static inline std::array<std::byte, sizeof(Resource)> place_{};
    std::pmr::memory_resource* upstream_;
    Resource* resource_;
};

/// Runs `body` on the resource that the first argument names; exit code 0 if it survives.
template <class Body>
int run_on_resource(std::span<char*> arguments, Body body) {
    const char* const kind = arguments.size() == 2 ? arguments[1] : "";
    std::pmr::memory_resource* const upstream =
        std::strstr(kind, "_over_upstream") != nullptr ? std::pmr::new_delete_resource() : nullptr;
    if (std::strncmp(kind, "concurrent", std::strlen("concurrent")) == 0) {
        resource_victim<millpond::concurrent_pool_resource> victim(upstream);
        body(victim);
    } else {
        resource_victim<millpond::pool_resource> victim(upstream);
        body(victim);
    }
    return 0;
}

/// Prints what bad options make the constructor throw.
template <class Resource>
void refuse(const millpond::pool_resource_options& options) {
    try {
        const Resource refused(options);
        std::fprintf(stderr, "not refused\n");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

} // namespace misuse

/// The main function of a program that misuses the resource `it`.
#define MISUSE_OF_A_RESOURCE(...)                                                                  \
    int main(int count, char** values) {                                                           \
        return misuse::run_on_resource(std::span(values, static_cast<std::size_t>(count)),         \
                                       [](auto& it) { __VA_ARGS__ });                              \
    }

/// The same for one that makes a resource with bad options.
#define MISUSE_BY_OPTIONS_OF_A_RESOURCE(...)                                                       \
    int main(int count, char** values) {                                                           \
        return misuse::run_on_resource(std::span(values, static_cast<std::size_t>(count)),         \
                                       []<class Resource>(misuse::resource_victim<Resource>&) {    \
                                           misuse::refuse<Resource>({__VA_ARGS__});                \
                                       });                                                         \
    }
