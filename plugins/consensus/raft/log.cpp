#include "log.hpp"

#include "../common/leader_options.hpp"

namespace atl::raft {

void put(spi::writer& out, const entry& it) {
  out.put(it.term).put(it.type).put(it.body);
}

void get(spi::reader& in, entry& it) {
  it.term = in.get<std::uint64_t>();
  it.type = in.get_enum(entry_type_last);
  it.body = in.get_string(leader_based::entry_bytes_max);
  if (it.type == entry_type::members && !members_codec.decode(it.body))
    in.fail();
}

std::string encode(const entry& it) {
  spi::writer out;
  put(out, it);
  return out.take();
}

std::optional<entry> decode_entry(std::string_view bytes) {
  spi::reader in{bytes};
  entry it;
  get(in, it);
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

} // namespace atl::raft
