// SPDX-License-Identifier: MIT
/// \file
/// Raising the errors of base/error.hpp; in a build without exceptions, printing them and stopping.

#include "millpond/base/error.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

pool_exhausted::pool_exhausted(const char* pool_name,
                               std::size_t capacity,
                               std::size_t high_water,
                               const growth_refusal& refusal) noexcept
    : capacity_(capacity)
    , high_water_(high_water)
    , text_{} {
    add("millpond: pool '", pool_name, "' is exhausted");
    add(": capacity ", capacity, "");
    add(", peak ", high_water, "");
    add_refusal(refusal);
}

pool_exhausted::pool_exhausted(const char* pool_name,
                               bytes_wanted wanted,
                               std::size_t capacity,
                               std::size_t high_water,
                               const growth_refusal& refusal) noexcept
    : capacity_(capacity)
    , high_water_(high_water)
    , text_{} {
    add("millpond: pool '", pool_name, "' is exhausted");
    if (wanted.bytes == not_counted) {
        add(": more bytes than there are addresses", "", "");
    }
    add(": ", wanted.bytes, " bytes do not fit");
    add(", capacity ", capacity, " bytes");
    add(", peak ", high_water, " bytes");
    add_refusal(refusal);
}

/// Appends to what is there already; cuts what is too long.
void pool_exhausted::add(const char* before, const char* text, const char* after) noexcept {
    const std::size_t used = std::strlen(text_);
    std::snprintf(text_ + used, sizeof text_ - used, "%s%s%s", before, text, after);
}

/// A figure that was not counted is left out, with the words around it.
void pool_exhausted::add(const char* before, std::size_t figure, const char* after) noexcept {
    if (figure != not_counted) {
        const std::size_t used = std::strlen(text_);
        std::snprintf(text_ + used, sizeof text_ - used, "%s%zu%s", before, figure, after);
    }
}

void pool_exhausted::add_refusal(const growth_refusal& refusal) noexcept {
    if (refusal.error != 0) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's is safe
        add("; growing was refused: ", std::strerror(refusal.error), "");
        add("", os::limit_hit(refusal.request, refusal.bytes, refusal.error).text.data(), "");
    }
}

namespace detail {

namespace {

using text = std::array<char, 256>;

const char* words_for(os_request request) noexcept {
    switch (request) {
    case os_request::reserve:
        return "reserve";
    case os_request::back_with_huge_pages:
        return "back with huge pages";
    case os_request::commit:
        return "commit";
    case os_request::commit_and_lock:
        return "commit and lock";
    case os_request::allocate_from_heap:
        break;
    }
    return "allocate from the heap";
}

#if defined(__cpp_exceptions)
template <class Error>
[[noreturn]] void raise(const Error& error) {
    throw error;
}
#else
template <class Error>
[[noreturn]] void raise(const Error& error) {
    os::write_error(error.what(), std::strlen(error.what()));
    os::write_error("\n", 1);
    std::abort();
}
#endif

} // namespace

void throw_exhausted(const char* pool_name,
                     std::size_t capacity,
                     std::size_t high_water,
                     const growth_refusal& refusal) {
    raise(pool_exhausted(pool_name, capacity, high_water, refusal));
}

void throw_bad_alloc() {
    raise(std::bad_alloc());
}

void throw_bad_length() {
    raise(std::bad_array_new_length());
}

void throw_exhausted(const char* pool_name,
                     bytes_wanted wanted,
                     std::size_t capacity,
                     std::size_t high_water,
                     const growth_refusal& refusal) {
    raise(pool_exhausted(pool_name, wanted, capacity, high_water, refusal));
}

void throw_bad_option(const char* pool_name,
                      const char* field,
                      std::uint64_t value,
                      const char* requirement,
                      std::uint64_t limit) {
    text message{};
    std::snprintf(message.data(),
                  message.size(),
                  "millpond: pool '%s': %s is %llu, %s %llu",
                  pool_name,
                  field,
                  static_cast<unsigned long long>(value),
                  requirement,
                  static_cast<unsigned long long>(limit));
    raise(std::invalid_argument(message.data()));
}

void throw_bad_option(const char* pool_name, const char* field, const char* requirement) {
    text message{};
    std::snprintf(message.data(),
                  message.size(),
                  "millpond: pool '%s': %s %s",
                  pool_name,
                  field,
                  requirement);
    raise(std::invalid_argument(message.data()));
}

void throw_os_refusal(const char* pool_name,
                      os_request request,
                      std::size_t bytes,
                      std::size_t page_bytes,
                      int error) {
    text message{};
    std::snprintf(message.data(),
                  message.size(),
                  "millpond: pool '%s': cannot %s %zu bytes in pages of %zu%s",
                  pool_name,
                  words_for(request),
                  bytes,
                  page_bytes,
                  os::limit_hit(request, bytes, error).text.data());
    raise(std::system_error(error, std::generic_category(), message.data()));
}

} // namespace detail

MILLPOND_NAMESPACE_END
