#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace atl {

/// What a program can tell apart; the text is for people.
enum class errc : std::uint16_t {
  invalid,     ///< the caller asked for something that makes no sense
  not_found,   ///< there is no such thing
  exists,      ///< there is one already
  refused,     ///< understood, and not allowed or not possible in this state
  unavailable, ///< somebody who is needed can't be reached; may work later
  timeout,     ///< no answer in time; for a write: may have happened
  corrupt,     ///< bytes that aren't what was stored
  no_space,    ///< a disk or a quota is full
  io,          ///< the operating system or a device failed
  busy,        ///< too much at once; try again
  internal,    ///< a mistake of ours
};
inline constexpr errc errc_last = errc::internal;

constexpr std::string_view to_string(errc code) {
  constexpr std::string_view names[] = {"invalid",     "not_found", "exists",  "refused",
                                        "unavailable", "timeout",   "corrupt", "no_space",
                                        "io",          "busy",      "internal"};
  return names[static_cast<std::size_t>(code)];
}

/// An error is a value. The message says what happened, to what, why, and what to do about it, as
/// one sentence without a full stop.
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

/// The same error, with what was being done in front.
inline tl::unexpected<error> fail(const error& cause, std::string_view context) {
  return fail(cause.code, std::string{context} + ": " + cause.message);
}

/// From an `errno`, with ENOSPC and EDQUOT told apart from other failures.
error system_error(int error_number, std::string_view what);

} // namespace atl
