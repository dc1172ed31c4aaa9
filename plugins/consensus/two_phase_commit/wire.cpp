#include "wire.hpp"

#include "config.hpp"
#include "protocol_version.hpp"

namespace atl::two_phase {

namespace {

template <class Entry, class Read>
bool read_list(spi::reader& in, std::vector<Entry>& out, std::size_t entry_bytes_min,
               Read read_entry) {
  auto count = in.get_count(entry_bytes_min);
  out.clear();
  out.reserve(count);
  for (; count > 0 && in.ok(); --count) {
    Entry entry;
    entry.index = in.get<spi::log_index>();
    read_entry(entry);
    out.push_back(entry);
  }
  return in.done();
}

} // namespace

void write_header(spi::writer& out, const header& head) {
  out.put(protocol_version).put(head.type).put(head.group);
  out.put(head.incarnation).put(head.to_incarnation).put(head.epoch);
}

std::optional<header> read_header(spi::reader& in) {
  header head;
  if (in.get<std::uint8_t>() != protocol_version)
    return std::nullopt;
  head.type = in.get_enum(message_type_last);
  head.group = in.get<std::uint64_t>();
  head.incarnation = in.get<std::uint64_t>();
  head.to_incarnation = in.get<std::uint64_t>();
  head.epoch = in.get<std::uint64_t>();
  if (!in.ok())
    return std::nullopt;
  return head;
}

void encode(spi::writer& out, const heartbeat& body) {
  out.put(body.coordinates).put(body.asks).put(body.complete);
  out.put(body.decided).put(body.last).put(body.applied).put(body.all_applied);
  put(out, body.group);
  put(out, body.lost);
}

bool decode(spi::reader& in, heartbeat& body) {
  body.coordinates = in.get<bool>();
  body.asks = in.get<bool>();
  body.complete = in.get<bool>();
  body.decided = in.get<spi::log_index>();
  body.last = in.get<spi::log_index>();
  body.applied = in.get<spi::log_index>();
  body.all_applied = in.get<spi::log_index>();
  body.group = get_membership(in);
  body.lost = get_ids(in, lost_max);
  return in.done();
}

void encode(spi::writer& out, const fetch& body) {
  out.put(body.nonce).put(body.from).put(body.in_doubt).put(body.snapshot);
}

bool decode(spi::reader& in, fetch& body) {
  body.nonce = in.get<std::uint64_t>();
  body.from = in.get<spi::log_index>();
  body.in_doubt = in.get<bool>();
  body.snapshot = in.get_enum(snapshot_mode_last);
  return in.done() && body.from > 0;
}

void encode(spi::writer& out, const entries& body) {
  out.put(body.nonce).put(body.complete).put(body.snapshot);
  out.put(body.decided).put(body.last).put(body.next);
  out.put(static_cast<std::uint32_t>(body.known.size()));
  for (auto& entry : body.known)
    out.put(entry.index).put(entry.state).put(entry.kind).put(entry.epoch).put(entry.command);
}

bool decode(spi::reader& in, entries& body) {
  body.nonce = in.get<std::uint64_t>();
  body.complete = in.get<bool>();
  body.snapshot = in.get<bool>();
  body.decided = in.get<spi::log_index>();
  body.last = in.get<spi::log_index>();
  body.next = in.get<spi::log_index>();
  return read_list(in, body.known, 22, [&in](known_entry& entry) {
    entry.state = in.get_enum(slot_state_last);
    entry.kind = in.get_enum(entry_kind_last);
    entry.epoch = in.get<std::uint64_t>();
    entry.command = in.get_text(command_bytes_max);
    auto readable = entry.state == slot_state::prepared || entry.state == slot_state::committed;
    if (readable && entry.kind == entry_kind::change && !decode_change(entry.command))
      in.fail();
  });
}

bool decode(spi::reader& in, std::vector<prepare_entry>& body) {
  return read_list(in, body, 13, [&in](prepare_entry& entry) {
    entry.kind = in.get_enum(entry_kind_last);
    entry.command = in.get_text(command_bytes_max);
    if (entry.kind == entry_kind::change && !decode_change(entry.command))
      in.fail();
  });
}

bool decode(spi::reader& in, std::vector<vote_entry>& body) {
  return read_list(in, body, 13, [&in](vote_entry& entry) {
    entry.yes = in.get<bool>();
    entry.reason = in.get_text(reason_bytes_max);
  });
}

bool decode(spi::reader& in, std::vector<decide_entry>& body) {
  return read_list(in, body, 9, [&in](decide_entry& entry) { entry.commit = in.get<bool>(); });
}

std::string encode_snapshot_head(const snapshot_head& head) {
  spi::writer out;
  out.put(protocol_version).put(head.group).put(head.index);
  put(out, head.members);
  return out.take();
}

bool decode_snapshot_head(std::string_view bytes, snapshot_head& out) {
  spi::reader in{bytes};
  auto version = in.get<std::uint8_t>();
  out.group = in.get<std::uint64_t>();
  out.index = in.get<spi::log_index>();
  out.members = get_membership(in);
  return in.done() && version == protocol_version;
}

} // namespace atl::two_phase
