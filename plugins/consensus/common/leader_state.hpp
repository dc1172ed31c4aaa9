#pragma once

#include "inflight_window.hpp"
#include "read_index.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>

namespace atl::leader_based {

/// What a leader knows of another replica.
struct progress {
  inflight_window log;                ///< what the peer has, and what is in flight to it
  std::uint64_t active_in = 0;        ///< the quorum check before which the peer was last heard
  std::uint64_t round = 0;            ///< the newest heartbeat round that the peer answered
  bool sending_snapshot = false;      ///< the host is at it
  std::uint64_t snapshot_round = 0;   ///< the newest heartbeat round when one was last sent
  spi::timestamp next_snapshot_at{0}; ///< no snapshot before, unless the last one was of use
};

/// The state of a leader, whatever the protocol; gone when it steps down.
struct leadership {
  std::map<spi::replica_id, progress> peers;
  spi::timestamp next_heartbeat{0};
  bool heartbeat_wanted = false;
  std::uint64_t heartbeat_round = 0; ///< the newest
  leader_reads reads;
  spi::timestamp next_quorum_check{0};
  std::uint64_t quorum_check = 1; ///< number of the next one

  // A transfer of leadership.
  spi::replica_id transferee = 0; ///< 0: none is in progress
  spi::timestamp transfer_deadline{0};
  bool timeout_now_sent = false; ///< since the last heartbeat
  /// A transferee was told to campaign, and may be elected at any time until the term ends.
  bool has_handed_over = false;

  progress* find(spi::replica_id id) {
    auto peer = peers.find(id);
    return peer == peers.end() ? nullptr : &peer->second;
  }
};

} // namespace atl::leader_based
