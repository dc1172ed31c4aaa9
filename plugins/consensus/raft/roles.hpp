#pragma once

#include "../common/leader_state.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>
#include <set>

/// What a replica knows only while it has a role.
namespace atl::raft {

struct follower {
  bool response_wanted = false;      ///< to the leader
  std::uint64_t heartbeat_round = 0; ///< of the leader's last message
  spi::timestamp request_sent{0};    ///< when that message left, by the leader's clock
};
struct pre_candidate {
  std::set<spi::replica_id> votes;
};
struct candidate {
  std::set<spi::replica_id> votes; ///< this replica's own counts once it is durable
};
struct leader : leader_based::leadership {
  spi::log_index term_start = 0; ///< the first entry of its term
  /// The request of a change of voters that is in progress; 0: none.
  spi::request_id change = 0;
  std::map<spi::replica_id, spi::timestamp> promised_until; ///< by this leader's clock
};

} // namespace atl::raft
