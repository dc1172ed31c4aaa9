#include "wire.hpp"

#include "config.hpp"

namespace atl::raft {

namespace {

void put(spi::writer& out, const vote_request& it) {
  out.put(it.last).put(it.last_term).put(it.pre_vote).put(it.forced);
}
void put(spi::writer& out, const vote_response& it) {
  out.put(it.pre_vote).put(it.granted).put(it.asked_term);
}
void put_head(spi::writer& out, const append_request& it, std::size_t count) {
  out.put(it.previous).put(it.previous_term).put(it.commit).put(it.round).put(it.known);
  out.put(it.attempt).put(it.sent.count());
  out.put(static_cast<std::uint32_t>(count));
}
void put(spi::writer& out, const entry& it) {
  out.put(it.term).put(it.type).put(it.body);
}
void put(spi::writer& out, const append_request& it) {
  put_head(out, it, it.entries.size());
  for (auto& entry : it.entries)
    put(out, entry);
}
void put(spi::writer& out, const append_response& it) {
  out.put(it.fits)
      .put(it.match)
      .put(it.previous)
      .put(it.attempt)
      .put(it.acknowledged)
      .put(it.round);
  out.put(it.sent.count()).put(it.promise.count());
}
void put(spi::writer&, const timeout_now&) {}
void put(spi::writer& out, const leader_based::ticket& it) {
  out.put(it.incarnation).put(it.nonce);
}
void put(spi::writer& out, const read_request& it) {
  put(out, it.asked);
}
void put(spi::writer& out, const read_response& it) {
  put(out, it.asked);
  out.put(it.ok).put(it.index);
}

void get(spi::reader& in, vote_request& it) {
  it.last = in.get<spi::log_index>();
  it.last_term = in.get<std::uint64_t>();
  it.pre_vote = in.get<bool>();
  it.forced = in.get<bool>();
}
void get(spi::reader& in, vote_response& it) {
  it.pre_vote = in.get<bool>();
  it.granted = in.get<bool>();
  it.asked_term = in.get<std::uint64_t>();
}
void get(spi::reader& in, append_request& it) {
  it.previous = in.get<spi::log_index>();
  it.previous_term = in.get<std::uint64_t>();
  it.commit = in.get<spi::log_index>();
  it.round = in.get<std::uint64_t>();
  it.known = in.get<spi::log_index>();
  it.attempt = in.get<std::uint64_t>();
  it.sent = spi::timestamp{in.get<std::int64_t>()};
  auto count = in.get_count(13);
  it.entries.reserve(count);
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto& entry = it.entries.emplace_back();
    entry.term = in.get<std::uint64_t>();
    entry.type = in.get_enum(entry_type_last);
    entry.body = in.get_string(max_command_bytes);
    if (entry.type == entry_type::members && !decode_membership(entry.body))
      in.fail();
  }
}
void get(spi::reader& in, append_response& it) {
  it.fits = in.get<bool>();
  it.match = in.get<spi::log_index>();
  it.previous = in.get<spi::log_index>();
  it.attempt = in.get<std::uint64_t>();
  it.acknowledged = in.get<spi::log_index>();
  it.round = in.get<std::uint64_t>();
  it.sent = spi::timestamp{in.get<std::int64_t>()};
  it.promise = spi::timestamp{in.get<std::int64_t>()};
}
void get(spi::reader&, timeout_now&) {}
void get(spi::reader& in, leader_based::ticket& it) {
  it.incarnation = in.get<std::uint64_t>();
  it.nonce = in.get<std::uint64_t>();
}
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

std::string encode(std::uint64_t term, const body& what) {
  spi::writer out;
  out.put(static_cast<std::uint8_t>(what.index())).put(term);
  std::visit([&](auto& it) { put(out, it); }, what);
  return out.take();
}

std::string encode_append(std::uint64_t term, const append_request& head, const entry_log& log,
                          spi::log_index first, std::size_t count) {
  spi::writer out;
  out.put(static_cast<std::uint8_t>(body{append_request{}}.index())).put(term);
  put_head(out, head, count);
  for (std::size_t i = 0; i < count; ++i)
    put(out, log.at(first + i));
  return out.take();
}

std::optional<message> decode(std::string_view bytes) {
  spi::reader in{bytes};
  auto type = in.get<std::uint8_t>();
  message it;
  it.term = in.get<std::uint64_t>();
  auto what = get_body(in, type);
  if (!what || !in.done())
    return std::nullopt;
  it.body = std::move(*what);
  return it;
}

} // namespace atl::raft
