#include "log.hpp"

#include "config.hpp"
#include "members.hpp"

namespace atl::paxos {

void put(spi::writer& out, const value& it) {
  out.put(it.type).put(it.body);
}

value get_value(spi::reader& in) {
  value it;
  it.type = in.get_enum(value_type_last);
  it.body = in.get_string(max_command_bytes);
  if (it.type == value_type::members && !decode_membership(it.body))
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
  while (last() < index) {
    slots_.emplace_back();
    bytes_ += slots_.back().bytes();
  }
  auto& place = at(index);
  bytes_ += it.bytes() - place.bytes();
  place = std::move(it);
}

void slot_log::cut(spi::log_index base) {
  while (base_ < base && !slots_.empty()) {
    bytes_ -= slots_.front().bytes();
    slots_.pop_front();
    ++base_;
  }
  base_ = std::max(base_, base);
}

} // namespace atl::paxos
