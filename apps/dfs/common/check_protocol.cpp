#include "common/check_protocol.hpp"

#include <atoll/spi/codec.hpp>

#include <algorithm>

namespace dfs::protocol {

namespace {

constexpr std::size_t name_bytes_max = 256;
/// A finding names keys in quotes, so it may be four times as long as a key with a name of 255
/// bytes.
constexpr std::size_t text_bytes_max = 4096;

std::string_view shortened(std::string_view text) {
  return text.substr(0, text_bytes_max);
}

template <class Message>
atl::result<Message> finished(atl::spi::reader& in, Message message, std::string_view what) {
  if (in.done())
    return message;
  return atl::fail(atl::errc::corrupt, std::string{what} + " that can't be read");
}

} // namespace

std::string encode(const check_request& message) {
  atl::spi::writer out;
  out.put(message.run);
  return out.take();
}

atl::result<check_request> decode_check_request(std::string_view bytes) {
  atl::spi::reader in{bytes};
  check_request message{in.get<std::uint64_t>()};
  return finished(in, message, "the order to check the name space");
}

std::string encode(const check_state& message) {
  atl::spi::writer out;
  out.put(message.phase).put(message.master);
  for (auto number : {message.log_index, message.rows_read, message.rows_total, message.inodes,
                      message.entries, message.chunks, message.findings_total})
    out.put(number);
  auto count = std::min(message.findings.size(), findings_max);
  out.put(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i)
    out.put(shortened(message.findings[i]));
  out.put(shortened(message.failure));
  return out.take();
}

atl::result<check_state> decode_check_state(std::string_view bytes) {
  atl::spi::reader in{bytes};
  check_state message;
  message.phase = in.get_enum(check_phase_last);
  message.master = in.get_string(name_bytes_max);
  for (auto* number : {&message.log_index, &message.rows_read, &message.rows_total, &message.inodes,
                       &message.entries, &message.chunks, &message.findings_total})
    *number = in.get<std::uint64_t>();
  auto count = in.get_count();
  if (count > findings_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    message.findings.push_back(in.get_string(text_bytes_max));
  message.failure = in.get_string(text_bytes_max);
  return finished(in, std::move(message), "the state of a check");
}

} // namespace dfs::protocol
