#pragma once

#include "../common/indexed_log.hpp"
#include "../common/members.hpp"
#include "ballot.hpp"
#include "config.hpp"

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atl::paxos {

using leader_based::membership;

inline constexpr leader_based::members_codec members_codec{members_max, false};

enum class value_type : std::uint8_t { command, no_op, members };
inline constexpr auto value_type_last = value_type::members;

/// What may be chosen for an index.
struct value {
  value_type type = value_type::no_op;
  std::string body; ///< the command, or an encoded membership

  friend bool operator==(const value&, const value&) = default;
};

void put(spi::writer& out, const value& it);
/// Makes the reader fail on a body that is too long, or that should be a group and isn't.
value get_value(spi::reader& in);

/// What this replica has accepted at an index, and in which ballot.
struct slot {
  ballot accepted = 0; ///< 0: nothing
  paxos::value value;
  spi::request_id id = 0;       ///< the proposal's, if it was proposed here in this run; not stored
  spi::persist_token token = 0; ///< the slot is durable here once this is
  std::uint64_t accepted_by = 0; ///< at its leader: which peers, a bit each

  std::size_t bytes() const { return value.body.size() + 64; }
  bool is_command() const { return value.type == value_type::command; }
  const std::string& command() const { return value.body; }
};

std::string encode(const slot& it);
std::optional<slot> decode_slot(std::string_view bytes);

/// A log with holes, since each index is agreed upon by itself.
class slot_log : public leader_based::indexed_log<slot> {
 public:
  /// Whether something was accepted at the index.
  bool holds(spi::log_index index) const {
    return index > base() && index <= last() && at(index).accepted != 0;
  }
  /// @pre `index` > base
  void put(spi::log_index index, slot it);
};

} // namespace atl::paxos
