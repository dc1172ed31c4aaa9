#include <atoll/runtime/messages.hpp>
#include <atoll/spi/codec.hpp>

namespace atl::runtime {

std::string encode(const change_members& it) {
  spi::writer out;
  for (auto* ids : {&it.voters, &it.learners}) {
    out.put(static_cast<std::uint32_t>(ids->size()));
    for (auto id : *ids)
      out.put(id);
  }
  return out.take();
}

std::optional<change_members> decode_change_members(std::string_view bytes) {
  spi::reader in{bytes};
  change_members it;
  for (auto* ids : {&it.voters, &it.learners})
    for (auto left = in.get_count(sizeof(spi::replica_id)); left > 0; --left)
      ids->push_back(in.get<spi::replica_id>());
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

} // namespace atl::runtime
