#pragma once

#include <atoll/core/state/session_command.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The framework's own rows in a replicated state: a byte for the table, below
/// `application_keys_begin`, then numbers in big-endian, so that the order of the bytes is theirs.
namespace atl {

/// The format of the framework's rows; a database of another one is refused.
inline constexpr std::uint32_t state_format_version = 2;
inline constexpr std::size_t service_name_bytes_max = 64;
inline constexpr std::size_t cluster_id_bytes_max = 64;

/// The one row that each batch writes.
struct state_meta {
  std::uint32_t format = state_format_version;
  std::string service;
  std::uint32_t service_version = 0;
  std::uint64_t applied = 0;
  std::uint64_t latest_us = 0;
  std::uint64_t sessions = 0;
  std::string cluster_id;
};

struct session_record {
  std::uint64_t last_sequence = 0;
  std::uint64_t last_us = 0; ///< the state's time at its last command
  std::string answer;        ///< to its last command
};

std::string encode(const state_meta& value);
std::string encode(const session_record& value);
/// @returns whether the bytes are such a value; others mean damage, because this program wrote
/// them. Of another format only `format` is read.
bool decode(std::string_view bytes, state_meta& value);
bool decode(std::string_view bytes, session_record& value);

namespace state_keys {

std::string meta();
std::string birth();
/// Of the group's member with the id.
std::string member(spi::replica_id id);
std::string all_members();
std::string session(const session_id& id);
/// When to check whether a session has expired.
std::string idle_check(std::uint64_t time_us, const session_id& id);
std::string all_idle_checks();

struct idle_check_parts {
  std::uint64_t time_us = 0;
  session_id session;
};
std::optional<idle_check_parts> idle_check_in(std::string_view key);

/// The first bytes of the framework's keys that are never scanned.
std::string_view lookup_only();

/// The first key after all that begin with `prefix`; empty: there is none.
std::string end_of(std::string_view prefix);

} // namespace state_keys

} // namespace atl
