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
                               int os_error) noexcept
    : capacity_(capacity)
    , high_water_(high_water)
    , text_{} {
    const int length = std::snprintf(text_,
                                     sizeof text_,
                                     "millpond: pool '%s' is exhausted: capacity %zu, peak %zu",
                                     pool_name,
                                     capacity,
                                     high_water);
    add_refusal(length, os_error);
}

pool_exhausted::pool_exhausted(const char* pool_name,
                               bytes_wanted wanted,
                               std::size_t capacity,
                               std::size_t high_water,
                               int os_error) noexcept
    : capacity_(capacity)
    , high_water_(high_water)
    , text_{} {
    const int length = std::snprintf(text_,
                                     sizeof text_,
                                     "millpond: pool '%s' is exhausted: %zu bytes do not fit, "
                                     "capacity %zu bytes, peak %zu bytes",
                                     pool_name,
                                     wanted.bytes,
                                     capacity,
                                     high_water);
    add_refusal(length, os_error);
}

void pool_exhausted::add_refusal(int length, int os_error) noexcept {
    const auto used = static_cast<std::size_t>(length);
    if (os_error != 0 && length > 0 && used < sizeof text_) {
        std::snprintf(text_ + used,
                      sizeof text_ - used,
                      "; growing was refused: %s",
                      std::strerror(os_error)); // NOLINT(concurrency-mt-unsafe): glibc's is safe
    }
}

namespace detail {

namespace {

using text = std::array<char, 256>;

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
                     int os_error) {
    raise(pool_exhausted(pool_name, capacity, high_water, os_error));
}

void throw_bad_length() {
    raise(std::bad_array_new_length());
}

void throw_exhausted(const char* pool_name,
                     bytes_wanted wanted,
                     std::size_t capacity,
                     std::size_t high_water,
                     int os_error) {
    raise(pool_exhausted(pool_name, wanted, capacity, high_water, os_error));
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

void throw_os_refusal(const char* pool_name,
                      const char* action,
                      std::size_t bytes,
                      std::size_t page_bytes,
                      int error) {
    text message{};
    std::snprintf(message.data(),
                  message.size(),
                  "millpond: pool '%s': cannot %s %zu bytes in pages of %zu",
                  pool_name,
                  action,
                  bytes,
                  page_bytes);
    raise(std::system_error(error, std::generic_category(), message.data()));
}

} // namespace detail

MILLPOND_NAMESPACE_END
