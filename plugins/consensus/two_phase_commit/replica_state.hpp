#pragma once

#include "members.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <string>
#include <utility>

/// The parts of a replica's state.
namespace atl::two_phase {

/// The state of another replica, as known here.
struct peer {
  spi::replica_id id = 0;
  std::uint64_t incarnation = 0; ///< the newest seen; messages of older incarnations are dropped
  std::uint64_t epoch = 0;       ///< the newest epoch that the peer has promised
  spi::timestamp last_heard{0};
  bool ever_heard = false;
  bool unreachable = false; ///< the host reported so, and no message has arrived since
  bool known = false;       ///< sent a heartbeat addressed to this replica's current incarnation
  bool complete = false;
  bool down_handled = false;
  bool snapshot_under_way = false;
  bool collected = false; ///< a recovering coordinator has read this peer's log to the end
  spi::log_index decided = 0;
  spi::log_index last = 0;
  spi::log_index applied = 0;
};

/// Phase of the coordinator. A participant is always `serving`.
enum class phase : std::uint8_t {
  probing,    ///< asks the peers for the epochs they have promised, after a takeover or a lost disk
  promising,  ///< waits until every participant has promised this coordinator's epoch
  collecting, ///< reads the peers' logs for entries and decisions that its own disk lacks
  serving,
};

/// Why a replica cannot propose at the moment.
struct obstacle {
  std::string reason; ///< empty: it can
  spi::refusal kind = spi::refusal::not_proposed;
  explicit operator bool() const { return !reason.empty(); }
};
/// A reason that passes without an operator.
inline obstacle busy(std::string reason) {
  return {std::move(reason), spi::refusal::busy};
}

struct validation {
  spi::log_index index = 0; ///< 0: a proposal that has no index yet
  spi::request_id id = 0;
  std::uint64_t epoch = 0;
  std::string command;
};
struct pending_read {
  spi::request_id id = 0;
  spi::log_index target = 0;
  spi::timestamp deadline{0};
};
struct fetch_state {
  bool outstanding = false;
  bool collects = false; ///< sent by a recovering coordinator that reads all logs
  spi::replica_id to = 0;
  std::uint64_t nonce = 0;
  spi::log_index from = 0;
  spi::timestamp sent{0};
};

/// A membership change that was requested of this coordinator and is not decided.
struct pending_change {
  spi::request_id id = 0;
  membership wanted;
  spi::log_index target = 0;          ///< `decided_` at the time of the request
  spi::log_index joiners_decided = 0; ///< the lowest `decided` among the joining replicas
  spi::timestamp progressed_at{0};    ///< when `joiners_decided` last grew
  bool waits_for_joiners =
      true; ///< until every joining replica has caught up; writes are accepted meanwhile
  spi::log_index index = 0; ///< the index at which the change is proposed; 0: not proposed yet
};
struct pending_snapshot {
  spi::log_index index = 0;
  effective_membership members;
  spi::persist_token token = 0; ///< acknowledged when the snapshot's membership is durable
  bool asked = false;           ///< the host has been told to install the snapshot
};

/// A vote of this replica that is not sent yet.
struct vote {
  spi::log_index index = 0;
  bool yes = false;
  std::string reason;
};

} // namespace atl::two_phase
