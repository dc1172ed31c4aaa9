#include "state_rows.hpp"

#include <atoll/core/state/service_logic.hpp>
#include <atoll/spi/codec.hpp>

namespace atl {

using spi::reader;
using spi::writer;

std::string encode(const state_meta& value) {
  writer out;
  out.put(value.format).put(value.service).put(value.service_version);
  out.put(value.applied).put(value.latest_us).put(value.sessions).put(value.cluster_id);
  return out.take();
}

bool decode(std::string_view bytes, state_meta& value) {
  reader in{bytes};
  value.format = in.get<std::uint32_t>();
  if (in.ok() && value.format != state_format_version)
    return true;
  value.service = in.get_string(service_name_bytes_max);
  value.service_version = in.get<std::uint32_t>();
  value.applied = in.get<std::uint64_t>();
  value.latest_us = in.get<std::uint64_t>();
  value.sessions = in.get<std::uint64_t>();
  value.cluster_id = in.get_string(cluster_id_bytes_max);
  return in.done();
}

std::string encode(const session_record& value) {
  writer out;
  out.put(value.last_sequence).put(value.last_us).put(value.answer);
  return out.take();
}

bool decode(std::string_view bytes, session_record& value) {
  reader in{bytes};
  value.last_sequence = in.get<std::uint64_t>();
  value.last_us = in.get<std::uint64_t>();
  value.answer = in.get_string(service_answer_bytes_max);
  return in.done();
}

namespace state_keys {

namespace {

enum table : char { metas = 0, births = 1, sessions = 2, idle_checks = 3, members = 4 };
constexpr char looked_up[] = {metas, births, sessions};

void append(std::string& key, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>(value >> shift));
}

std::uint64_t number_at(std::string_view key, std::size_t offset) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value = (value << 8) | static_cast<unsigned char>(key[offset + i]);
  return value;
}

} // namespace

std::string meta() {
  return std::string(1, metas);
}

std::string birth() {
  return std::string(1, births);
}

std::string member(spi::replica_id id) {
  std::string key(1, members);
  append(key, id);
  return key;
}

std::string all_members() {
  return std::string(1, members);
}

std::string session(const session_id& id) {
  std::string key(1, sessions);
  append(key, id.high);
  append(key, id.low);
  return key;
}

std::string idle_check(std::uint64_t time_us, const session_id& id) {
  std::string key(1, idle_checks);
  append(key, time_us);
  append(key, id.high);
  append(key, id.low);
  return key;
}

std::string all_idle_checks() {
  return std::string(1, idle_checks);
}

std::optional<idle_check_parts> idle_check_in(std::string_view key) {
  if (key.size() != 25)
    return std::nullopt;
  return idle_check_parts{number_at(key, 1), {number_at(key, 9), number_at(key, 17)}};
}

std::string_view lookup_only() {
  return {looked_up, sizeof looked_up};
}

std::string end_of(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff)
    end.pop_back();
  if (!end.empty())
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

} // namespace state_keys

} // namespace atl
