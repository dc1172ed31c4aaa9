#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace atl {

/// The kinds of errors that a program may distinguish; the message is for people.
enum class errc : std::uint16_t {
  invalid,     ///< the request makes no sense
  not_found,   ///< the named object doesn't exist
  exists,      ///< the named object exists already
  refused,     ///< not allowed, or not possible in the present state
  unavailable, ///< a node that is needed can't be reached; a retry may succeed
  timeout,     ///< no answer in time; a command may still have taken effect
  corrupt,     ///< bytes differ from what was stored, or are malformed
  no_space,    ///< a disk or a quota is full
  io,          ///< the operating system or a device failed
  busy,        ///< too many requests at once; a retry may succeed
  internal,    ///< a defect of this program
};
inline constexpr errc errc_last = errc::internal;

constexpr std::string_view to_string(errc code) {
  constexpr std::string_view names[] = {"invalid",     "not_found", "exists",  "refused",
                                        "unavailable", "timeout",   "corrupt", "no_space",
                                        "io",          "busy",      "internal"};
  return names[static_cast<std::size_t>(code)];
}

/// An error is a value. The message is one sentence without a full stop: what happened, where, why,
/// and what to do.
struct error {
  errc code = errc::internal;
  std::string message;

  friend bool operator==(const error&, const error&) = default;
};

template <class T>
using result = tl::expected<T, error>;
using status = result<void>;

inline tl::unexpected<error> fail(errc code, std::string message) {
  return tl::unexpected<error>{error{code, std::move(message)}};
}

/// The same error with the context in front of its message.
inline tl::unexpected<error> fail(const error& cause, std::string_view context) {
  return fail(cause.code, std::string{context} + ": " + cause.message);
}

/// From an `errno`, with ENOSPC and EDQUOT told apart from other failures.
error system_error(int error_number, std::string_view what);

} // namespace atl
