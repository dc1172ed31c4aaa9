#include <atoll/core/identity.hpp>
#include <atoll/core/state/session_command.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cstring>

namespace atl {

namespace {

constexpr std::uint8_t command_version = 2;
/// The offset of the time in an encoded command: after version, type, session and sequence.
constexpr std::size_t time_offset = 1 + 1 + 16 + 8;
constexpr std::size_t head_bytes = time_offset + 8;

} // namespace

session_id random_session() {
  auto digits = random_uuid();
  session_id id;
  std::from_chars(digits.data(), digits.data() + 16, id.high, 16);
  std::from_chars(digits.data() + 16, digits.data() + 32, id.low, 16);
  return id;
}

std::string to_string(const session_id& id) {
  return fmt::format("{:016x}{:016x}", id.high, id.low);
}

std::string encode(const session_command& command) {
  spi::writer out;
  out.put(command_version).put(command.command.type);
  out.put(command.session.high).put(command.session.low);
  out.put(command.sequence).put(command.time_us);
  auto bytes = out.take();
  bytes.append(command.command.body);
  return bytes;
}

void stamp_command(std::string& bytes, std::uint64_t time_us) {
  if (bytes.size() >= head_bytes)
    std::memcpy(bytes.data() + time_offset, &time_us, sizeof time_us);
}

result<session_command> decode_session_command(std::string_view bytes) {
  if (bytes.size() > session_command_bytes_max)
    return fail(errc::invalid, fmt::format("a command of {} bytes is too long: at most {}",
                                           bytes.size(), session_command_bytes_max));
  spi::reader in{bytes};
  auto version = in.get<std::uint8_t>();
  if (in.ok() && version != command_version)
    return fail(errc::invalid,
                fmt::format("a command of version {} is unknown here, only version {} is known; "
                            "bring all nodes to the same release",
                            version, command_version));
  session_command decoded;
  decoded.command.type = in.get<std::uint8_t>();
  decoded.session.high = in.get<std::uint64_t>();
  decoded.session.low = in.get<std::uint64_t>();
  decoded.sequence = in.get<std::uint64_t>();
  decoded.time_us = in.get<std::uint64_t>();
  if (!in.ok())
    return fail(errc::invalid,
                fmt::format("{} bytes are no command: it begins with a head of {} bytes",
                            bytes.size(), head_bytes));
  decoded.command.body = in.rest();
  return decoded;
}

} // namespace atl
