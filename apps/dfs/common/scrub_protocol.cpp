#include "common/scrub_protocol.hpp"

#include "common/protocol_encoding.hpp"

namespace dfs::protocol {

std::string encode(const scrub_request& message) {
  writer out;
  out.put(message.run).put(message.unlimited);
  return out.take();
}

atl::result<scrub_request> decode_scrub_request(std::string_view bytes) {
  reader in{bytes};
  scrub_request message;
  message.run = in.get<std::uint64_t>();
  message.unlimited = in.get<bool>();
  if (message.run == 0)
    in.fail();
  return finished(in, message, "the order to scrub");
}

std::string encode(const scrub_state& message) {
  writer out;
  out.put(message.phase);
  write(out, message.status);
  return out.take();
}

atl::result<scrub_state> decode_scrub_state(std::string_view bytes) {
  reader in{bytes};
  scrub_state message;
  message.phase = in.get_enum(scrub_phase_last);
  read(in, message.status);
  return finished(in, std::move(message), "the state of a scrub");
}

} // namespace dfs::protocol
