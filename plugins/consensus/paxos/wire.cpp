#include "wire.hpp"

namespace atl::paxos {

// Not in an unnamed namespace: `message_codec.hpp` finds these by the types of their arguments.

/// Ranges in one response; a decoder takes no more.
constexpr std::uint32_t ranges_max = 65536;

static void put(spi::writer& out, const promise& it) {
  leader_based::put_fields(out, it, promise::head);
  out.put(static_cast<std::uint32_t>(it.accepted.size()));
  for (auto& [index, slot] : it.accepted) {
    out.put(index).put(slot.accepted);
    put(out, slot.value);
  }
}
static void put_head(spi::writer& out, const accept_request& it, std::size_t count) {
  leader_based::put_fields(out, it, accept_request::head);
  out.put(static_cast<std::uint32_t>(count));
}
static void put(spi::writer& out, const accept_request& it) {
  put_head(out, it, it.values.size());
  for (auto& value : it.values)
    put(out, value);
}
static void put(spi::writer& out, const accept_response& it) {
  out.put(static_cast<std::uint32_t>(it.ranges.size()));
  for (auto& [first, last] : it.ranges)
    out.put(first).put(last);
  out.put(it.match).put(it.incarnation);
}

static void get(spi::reader& in, promise& it) {
  leader_based::get_fields(in, it, promise::head);
  auto count = in.get_count(21);
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto& [index, slot] = it.accepted.emplace_back();
    index = in.get<spi::log_index>();
    slot.accepted = in.get<ballot>();
    slot.value = get_value(in);
    if (slot.accepted == 0 || index < it.first || index > it.covered)
      in.fail();
  }
}
static void get(spi::reader& in, accept_request& it) {
  leader_based::get_fields(in, it, accept_request::head);
  auto count = in.get_count(5);
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    it.values.push_back(get_value(in));
}
static void get(spi::reader& in, accept_response& it) {
  auto count = in.get_count(16);
  if (count > ranges_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto first = in.get<spi::log_index>();
    it.ranges.emplace_back(first, in.get<spi::log_index>());
  }
  it.match = in.get<spi::log_index>();
  it.incarnation = in.get<std::uint64_t>();
}

std::string encode(ballot which, const body& what) {
  return leader_based::encode_message(which, what);
}

std::string encode_accept(ballot which, const accept_request& head, const slot_log& log,
                          std::size_t count) {
  spi::writer out;
  leader_based::put_header<body>(out, body{accept_request{}}.index(), which);
  put_head(out, head, count);
  for (std::size_t i = 0; i < count; ++i)
    put(out, log.at(head.first + i).value);
  return out.take();
}

std::optional<message> decode(std::string_view bytes) {
  auto it = leader_based::decode_message<body>(bytes);
  return it ? std::optional{message{it->first, std::move(it->second)}} : std::nullopt;
}

} // namespace atl::paxos
