#include "wire.hpp"

namespace atl::paxos {

namespace {

/// Ranges in one answer; a decoder takes no more.
constexpr std::uint32_t max_ranges = 65536;

void put(spi::writer& out, const quorum_sizes& it) {
  out.put(it.prepare).put(it.accept);
}
void put(spi::writer& out, const leader_based::ticket& it) {
  out.put(it.incarnation).put(it.nonce);
}
void put(spi::writer& out, const prepare_request& it) {
  out.put(it.first);
  put(out, it.quorums);
  out.put(it.pre_vote).put(it.forced);
}
void put(spi::writer& out, const promise& it) {
  out.put(it.asked).put(it.pre_vote).put(it.ok).put(it.first).put(it.covered).put(it.complete);
  out.put(it.committed).put(it.incarnation).put(static_cast<std::uint32_t>(it.accepted.size()));
  for (auto& [index, slot] : it.accepted) {
    out.put(index).put(slot.accepted);
    put(out, slot.value);
  }
}
void put_head(spi::writer& out, const accept_request& it, std::size_t count) {
  out.put(it.first).put(it.committed).put(it.round).put(it.known);
  put(out, it.quorums);
  out.put(static_cast<std::uint32_t>(count));
}
void put(spi::writer& out, const accept_request& it) {
  put_head(out, it, it.values.size());
  for (auto& value : it.values)
    put(out, value);
}
void put(spi::writer& out, const accept_response& it) {
  out.put(static_cast<std::uint32_t>(it.ranges.size()));
  for (auto& [first, last] : it.ranges)
    out.put(first).put(last);
  out.put(it.match).put(it.incarnation);
}
void put(spi::writer& out, const heartbeat_response& it) {
  out.put(it.round).put(it.committed).put(it.match).put(it.acknowledged).put(it.incarnation);
}
void put(spi::writer&, const rejected&) {}
void put(spi::writer&, const timeout_now&) {}
void put(spi::writer& out, const read_request& it) {
  put(out, it.asked);
}
void put(spi::writer& out, const read_response& it) {
  put(out, it.asked);
  out.put(it.ok).put(it.index);
}

void get(spi::reader& in, quorum_sizes& it) {
  it.prepare = in.get<std::uint16_t>();
  it.accept = in.get<std::uint16_t>();
}
void get(spi::reader& in, leader_based::ticket& it) {
  it.incarnation = in.get<std::uint64_t>();
  it.nonce = in.get<std::uint64_t>();
}
void get(spi::reader& in, prepare_request& it) {
  it.first = in.get<spi::log_index>();
  get(in, it.quorums);
  it.pre_vote = in.get<bool>();
  it.forced = in.get<bool>();
}
void get(spi::reader& in, promise& it) {
  it.asked = in.get<ballot>();
  it.pre_vote = in.get<bool>();
  it.ok = in.get<bool>();
  it.first = in.get<spi::log_index>();
  it.covered = in.get<spi::log_index>();
  it.complete = in.get<bool>();
  it.committed = in.get<spi::log_index>();
  it.incarnation = in.get<std::uint64_t>();
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
void get(spi::reader& in, accept_request& it) {
  it.first = in.get<spi::log_index>();
  it.committed = in.get<spi::log_index>();
  it.round = in.get<std::uint64_t>();
  it.known = in.get<spi::log_index>();
  get(in, it.quorums);
  auto count = in.get_count(5);
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    it.values.push_back(get_value(in));
}
void get(spi::reader& in, accept_response& it) {
  auto count = in.get_count(16);
  if (count > max_ranges)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto first = in.get<spi::log_index>();
    it.ranges.emplace_back(first, in.get<spi::log_index>());
  }
  it.match = in.get<spi::log_index>();
  it.incarnation = in.get<std::uint64_t>();
}
void get(spi::reader& in, heartbeat_response& it) {
  it.round = in.get<std::uint64_t>();
  it.committed = in.get<spi::log_index>();
  it.match = in.get<spi::log_index>();
  it.acknowledged = in.get<spi::log_index>();
  it.incarnation = in.get<std::uint64_t>();
}
void get(spi::reader&, rejected&) {}
void get(spi::reader&, timeout_now&) {}
void get(spi::reader& in, read_request& it) {
  get(in, it.asked);
}
void get(spi::reader& in, read_response& it) {
  get(in, it.asked);
  it.ok = in.get<bool>();
  it.index = in.get<spi::log_index>();
}

/// The alternative with this number, made from the reader.
template <std::size_t Index = 0>
std::optional<body> get_body(spi::reader& in, std::size_t type) {
  if constexpr (Index < std::variant_size_v<body>) {
    if (type != Index)
      return get_body<Index + 1>(in, type);
    std::variant_alternative_t<Index, body> it;
    get(in, it);
    return body{std::move(it)};
  } else {
    return std::nullopt;
  }
}

} // namespace

std::string encode(ballot which, const body& what) {
  spi::writer out;
  out.put(static_cast<std::uint8_t>(what.index())).put(which);
  std::visit([&](auto& it) { put(out, it); }, what);
  return out.take();
}

std::string encode_accept(ballot which, const accept_request& head, const slot_log& log,
                          std::size_t count) {
  spi::writer out;
  out.put(static_cast<std::uint8_t>(body{accept_request{}}.index())).put(which);
  put_head(out, head, count);
  for (std::size_t i = 0; i < count; ++i)
    put(out, log.at(head.first + i).value);
  return out.take();
}

std::optional<message> decode(std::string_view bytes) {
  spi::reader in{bytes};
  auto type = in.get<std::uint8_t>();
  message it;
  it.ballot = in.get<ballot>();
  auto body = get_body(in, type);
  if (!body || !in.done())
    return std::nullopt;
  it.body = std::move(*body);
  return it;
}

} // namespace atl::paxos
