#pragma once

#include <atoll/core/error.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace atl {

/// The id of a client's session: 128 random bits.
struct session_id {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const session_id&, const session_id&) = default;
};

session_id random_session();
/// 32 hexadecimal digits.
std::string to_string(const session_id& id);

/// A command of an application, without the envelope.
struct service_command {
  std::uint8_t type = 0; ///< the application gives the numbers, below `framework_types_begin`
  std::string_view body; ///< in the application's encoding
};

/// A log entry: an application's command in the envelope that makes it safe to repeat. An entry
/// that is repeated under the same session and sequence number is applied once.
struct session_command {
  session_id session;
  /// 1 opens the session; each further command of it has a larger one, and waits for the answer to
  /// the one before.
  std::uint64_t sequence = 0;
  /// Since 1970, by the replica that proposes the command: `stamp` overwrites what a client wrote.
  std::uint64_t time_us = 0;
  service_command command;
};

inline constexpr std::size_t session_command_bytes_max = 8u << 20;

std::string encode(const session_command& command);

/// Writes a time into an encoded command; leaves bytes that are too short for a command unchanged.
void stamp_command(std::string& bytes, std::uint64_t time_us);

/// Reads hostile bytes. The result has a view into `bytes`.
/// @returns `errc::invalid` for bytes that are no command, or one of an unknown version.
result<session_command> decode_session_command(std::string_view bytes);

} // namespace atl
