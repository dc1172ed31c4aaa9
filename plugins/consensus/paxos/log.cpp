#include "log.hpp"

#include "../common/leader_options.hpp"

namespace atl::paxos {

void put(spi::writer& out, const value& it) {
  out.put(it.type).put(it.body);
}

value get_value(spi::reader& in) {
  value it;
  it.type = in.get_enum(value_type_last);
  it.body = in.get_string(leader_based::entry_bytes_max);
  if (it.type == value_type::members && !members_codec.decode(it.body))
    in.fail();
  return it;
}

std::string encode(const slot& it) {
  spi::writer out;
  out.put(it.accepted);
  put(out, it.value);
  return out.take();
}

std::optional<slot> decode_slot(std::string_view bytes) {
  spi::reader in{bytes};
  slot it;
  it.accepted = in.get<ballot>();
  it.value = get_value(in);
  return in.done() && it.accepted != 0 ? std::optional{std::move(it)} : std::nullopt;
}

void slot_log::put(spi::log_index index, slot it) {
  if (index == last() + 1)
    return append(std::move(it));
  while (last() < index)
    append({});
  replace(index, std::move(it));
}

} // namespace atl::paxos
