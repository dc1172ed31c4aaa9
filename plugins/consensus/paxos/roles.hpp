#pragma once

#include "../common/leader_state.hpp"
#include "log.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

/// What a replica knows only while it has a role.
namespace atl::paxos {

struct follower {
  /// Accepted since the last response to the leader.
  std::vector<std::pair<spi::log_index, spi::log_index>> ranges;
  std::optional<std::uint64_t> heartbeat_round; ///< to respond to
  std::uint64_t answered_round = 0;
};

struct pre_candidate {
  std::set<spi::replica_id> supporters; ///< would promise
};

/// Phase 1 in progress, of a candidate, or of a leader whose group has changed.
struct preparation {
  struct commit_point {
    spi::log_index committed = 0;  ///< everything up to here
    std::uint64_t incarnation = 0; ///< of the replica that said so
  };

  bool forced = false;                              ///< the leader handed over to this replica
  std::map<spi::replica_id, spi::log_index> next;   ///< the page that each voter is asked for
  std::map<spi::replica_id, commit_point> promised; ///< by the voters that have promised
  std::map<spi::log_index, slot> accepted;          ///< in the greatest ballot of each index
  spi::log_index known_committed = 0;               ///< the greatest commit point
};

struct candidate {
  preparation phase1;
  spi::timestamp next_request{0}; ///< when promises that are missing are requested again
};

/// What a leader knows of a peer as an acceptor, besides its progress.
struct acceptor {
  std::uint64_t bit = 0;         ///< its place in `slot::accepted_by`
  std::uint64_t incarnation = 0; ///< messages of earlier ones are void
};

using leader_based::progress;

/// A peer that crashed may have, of what it had committed, values of earlier ballots, and no longer
/// know that they are. @param certain the peer vouches for everything up to here
void learn_incarnation(progress& peer, acceptor& of, std::uint64_t incarnation,
                       spi::log_index certain);
void learn_match(progress& peer, spi::log_index index);

struct leader : leader_based::leadership {
  std::map<spi::replica_id, acceptor> acceptors; ///< of the peers
  std::uint64_t voters_mask = 0;                 ///< the bits of acceptors that vote
  std::optional<preparation> phase1;             ///< a new group is asked for promises
  bool group_changed = false;                    ///< since promises were requested
  spi::log_index known_committed = 0;            ///< others know that everything up to here is
  spi::log_index carried_over = 0;               ///< the last index that an earlier ballot used
  spi::log_index proposed = 0;                   ///< the last index in its own ballot
  spi::log_index own_durable = 0;                ///< its own disk has its ballot up to here
  spi::log_index change_proposed = 0; ///< nothing is proposed after it before it is committed
  spi::request_id change_id = 0;      ///< the request of that change
  spi::log_index leaving_at = 0;      ///< it steps down when this is committed; 0: it stays
};

} // namespace atl::paxos
