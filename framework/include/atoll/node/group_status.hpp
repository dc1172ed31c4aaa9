#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/group_birth.hpp>
#include <atoll/runtime/calls.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

/// The settings that should be the same in the files of all members, by key, in a form for people.
using shared_settings = std::map<std::string, std::string>;

/// What a member of a group says about itself, and about the group as it sees it. The answer to
/// `message_kind::group_status`.
struct group_status {
  struct refused_node {
    std::string name;
    std::string why;
  };

  member_identity self; ///< as configured while the member belongs to no group
  std::string group;    ///< the group's id; empty: the member belongs to none yet
  std::string
      waits_for; ///< why it belongs to none, and what has to happen; empty: it belongs to one
  spi::replica_role role = spi::replica_role::follower;
  std::uint64_t term = 0;
  spi::replica_id leader = 0; ///< 0: not known
  spi::log_index committed = 0;
  spi::log_index applied = 0;
  std::string blocked; ///< why no write can succeed now; empty: one may
  std::vector<spi::replica_id> voters;
  std::vector<spi::replica_id> learners;
  std::vector<runtime::known_replica> known; ///< configured, or connected later
  std::vector<member_identity> admitted; ///< members of all times, as the member's state has them
  std::vector<refused_node> turned_away; ///< nodes that may not take part, and why
  shared_settings settings;
};

std::string encode(const group_status& status);
/// Reads hostile bytes. Error: corrupt.
result<group_status> decode_group_status(std::string_view bytes);

} // namespace atl::node
