#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/spi/codec.hpp>

namespace atl::runtime {

std::string encode_peer_messages(spi::replica_id from, spi::replica_id to,
                                 std::initializer_list<std::string_view> bytes) {
  spi::writer out;
  out.put(from).put(to);
  for (auto it : bytes)
    out.put(it);
  return out.take();
}

std::optional<peer_messages> decode_peer_messages(std::string_view bytes, spi::replica_id to) {
  spi::reader in{bytes};
  peer_messages it;
  it.from = in.get<spi::replica_id>();
  auto meant_for = in.get<spi::replica_id>();
  while (in.ok() && !in.rest().empty())
    it.bytes.push_back(in.get_string());
  if (!in.done() || meant_for != to || it.from == to || it.from == 0)
    return std::nullopt;
  return it;
}

std::string encode(const change_members& it) {
  spi::writer out;
  for (auto* ids : {&it.voters, &it.learners, &it.lost}) {
    out.put(static_cast<std::uint32_t>(ids->size()));
    for (auto id : *ids)
      out.put(id);
  }
  return out.take();
}

std::optional<change_members> decode_change_members(std::string_view bytes) {
  spi::reader in{bytes};
  change_members it;
  for (auto* ids : {&it.voters, &it.learners, &it.lost})
    for (auto left = in.get_count(sizeof(spi::replica_id)); left > 0; --left)
      ids->push_back(in.get<spi::replica_id>());
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

} // namespace atl::runtime
