#include "common/backup_protocol.hpp"

#include <atoll/spi/codec.hpp>

namespace dfs::protocol {

namespace {

constexpr std::size_t text_bytes_max = 4096;

} // namespace

std::string encode(const backup_request& message) {
  atl::spi::writer out;
  out.put(message.run).put(message.block);
  return out.take();
}

atl::result<backup_request> decode_backup_request(std::string_view bytes) {
  atl::spi::reader in{bytes};
  backup_request message;
  message.run = in.get<std::uint64_t>();
  message.block = in.get<std::uint64_t>();
  if (!in.done())
    return atl::fail(atl::errc::corrupt, "a request for a backup that can't be read");
  return message;
}

std::string encode(const backup_state& message) {
  atl::spi::writer out;
  out.put(message.phase).put(message.bytes);
  out.put(std::string_view{message.failure}.substr(0, text_bytes_max));
  return out.take();
}

atl::result<backup_state> decode_backup_state(std::string_view bytes) {
  atl::spi::reader in{bytes};
  backup_state message;
  message.phase = in.get_enum(backup_phase_last);
  message.bytes = in.get_string();
  message.failure = in.get_string(text_bytes_max);
  if (!in.done())
    return atl::fail(atl::errc::corrupt, "a part of a backup that can't be read");
  return message;
}

} // namespace dfs::protocol
