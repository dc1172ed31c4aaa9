#include "entry_log.hpp"

#include "config.hpp"
#include "protocol_version.hpp"

#include <atoll/spi/codec.hpp>

#include <algorithm>

namespace atl::two_phase {

namespace {

/// More slots than a log within its limits has: a larger index is invalid.
constexpr std::uint64_t slots_max = std::uint64_t{1} << 24;

/// More memberships than are ever kept at once.
constexpr std::uint32_t groups_max = 1U << 16;

bool decode_prepare(std::string_view bytes, slot& into, std::string& command) {
  spi::reader in{bytes};
  auto version = in.get<std::uint8_t>();
  auto epoch = in.get<std::uint64_t>();
  auto kind = in.get_enum(entry_kind_last);
  command = in.get_string();
  if (!in.done() || version != protocol_version ||
      (kind == entry_kind::change && !decode_change(command)))
    return false;
  into.epoch = epoch;
  into.kind = kind;
  return true;
}

bool decode_decision(std::string_view bytes, bool& commit) {
  spi::reader in{bytes};
  auto version = in.get<std::uint8_t>();
  commit = in.get<bool>();
  return in.done() && version == protocol_version;
}

} // namespace

std::string encode_prepare_record(std::uint64_t epoch, entry_kind kind, std::string_view command) {
  spi::writer out;
  out.put(protocol_version).put(epoch).put(kind).put(command);
  return out.take();
}

std::string encode_decision_record(bool commit) {
  spi::writer out;
  out.put(protocol_version).put(commit);
  return out.take();
}

std::string encode_meta(const meta_record& meta) {
  spi::writer out;
  out.put(protocol_version).put(meta.epoch).put(meta.complete).put(meta.first);
  put(out, meta.initial_voters);
  out.put(meta.was_participant);
  put(out, meta.lost);
  out.put(static_cast<std::uint32_t>(meta.groups.size()));
  for (auto& it : meta.groups)
    put(out, it);
  out.put(meta.snapshot.has_value());
  if (meta.snapshot) {
    out.put(meta.snapshot->first);
    put(out, meta.snapshot->second);
  }
  return out.take();
}

bool decode_meta(std::string_view bytes, meta_record& out) {
  spi::reader in{bytes};
  auto version = in.get<std::uint8_t>();
  out.epoch = in.get<std::uint64_t>();
  out.complete = in.get<bool>();
  out.first = in.get<spi::log_index>();
  out.initial_voters = get_ids(in, voters_max);
  out.was_participant = in.get<bool>();
  out.lost = get_ids(in, lost_max);
  out.groups.clear();
  auto count = in.get_count(20);
  if (count > groups_max)
    in.fail();
  for (; count > 0 && in.ok(); --count)
    out.groups.push_back(get_membership(in));
  out.snapshot.reset();
  if (in.get<bool>()) {
    auto index = in.get<spi::log_index>();
    out.snapshot.emplace(index, get_membership(in));
  }
  return in.done() && version == protocol_version && out.first > 0;
}

slot& entry_log::at(spi::log_index index) {
  if (index >= end())
    slots_.resize(index - first_ + 1);
  return slots_[index - first_];
}

void entry_log::set_state(spi::log_index index, slot_state state) {
  at(index).state = state;
  if (state != slot_state::empty)
    last_ = std::max(last_, index);
}

void entry_log::set_command(slot& into, std::string command) {
  bytes_ -= into.command.size();
  bytes_ += command.size();
  into.command = std::move(command);
  into.has_command = true;
}

void entry_log::drop_command(slot& from) {
  bytes_ -= from.command.size();
  from.command = {};
  from.has_command = false;
}

void entry_log::cut(spi::log_index first) {
  while (first_ < first && !slots_.empty()) {
    bytes_ -= slots_.front().command.size();
    slots_.pop_front();
    ++first_;
  }
  first_ = std::max(first_, first);
  last_ = std::max(last_, first_ - 1);
}

void entry_log::truncate(spi::log_index from) {
  while (end() > from && !slots_.empty()) {
    bytes_ -= slots_.back().command.size();
    slots_.pop_back();
  }
  last_ = std::min(last_, end() - 1);
}

bool entry_log::load(const spi::stable_state& stable, spi::log_index first, bool keeps_decisions) {
  first_ = first;
  last_ = first - 1;
  for (auto& record : stable.records) {
    if (record.index < first)
      continue; // was cut or is covered by a snapshot; the erase was not durable before the crash
    if (record.index - first >= slots_max)
      return false;
    auto& it = at(record.index);
    bool commit = false;
    std::string command;
    if (record.stream == prepare_stream) {
      if (record.state == spi::record_state::ok && decode_prepare(record.bytes, it, command)) {
        set_command(it, std::move(command));
        set_state(record.index, slot_state::prepared);
      } else {
        set_state(record.index, keeps_decisions ? slot_state::prepared : slot_state::damaged);
      }
    } else if (record.stream == decision_stream) {
      if (record.state != spi::record_state::ok || !decode_decision(record.bytes, commit)) {
        set_state(record.index, slot_state::damaged);
      } else if (commit) {
        set_state(record.index, it.has_command ? slot_state::committed : slot_state::command_lost);
      } else {
        set_state(record.index, slot_state::aborted);
        drop_command(it);
      }
    }
  }
  return true;
}

} // namespace atl::two_phase
