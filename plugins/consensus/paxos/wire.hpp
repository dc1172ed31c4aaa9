#pragma once

#include "../common/read_index.hpp"
#include "ballot.hpp"
#include "config.hpp"
#include "log.hpp"

#include <atoll/spi/codec.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// What replicas say to each other. Each message begins with its type and a ballot: a leader's own,
/// or the one that the sender has promised.
namespace atl::paxos {

/// Phase 1: what was accepted from `first` on, in any earlier ballot? `pre_vote`: would you
/// promise? It changes nothing. `forced`: the leader handed over, so nobody needs to miss it first.
struct prepare_request {
  spi::log_index first = 0;
  quorum_sizes quorums; ///< replicas with other ones must not count each other
  bool pre_vote = false;
  bool forced = false;
};
/// One page of the answer: all that was accepted from `first` to `covered`.
struct promise {
  ballot asked = 0; ///< the ballot that was asked for
  bool pre_vote = false;
  bool ok = false;
  spi::log_index first = 0;
  spi::log_index covered = 0;
  bool complete = false;         ///< nothing is accepted behind `covered`
  spi::log_index committed = 0;  ///< the sender holds everything up to here, committed
  std::uint64_t incarnation = 0; ///< the sender's
  std::vector<std::pair<spi::log_index, slot>> accepted;
};
/// Phase 2, for indexes from `first` on. Without values it is a heartbeat.
struct accept_request {
  spi::log_index first = 0;
  spi::log_index committed = 0; ///< at the leader
  std::uint64_t round = 0;      ///< of heartbeats, which reads wait for
  spi::log_index known = 0;     ///< what the leader knows this replica to hold durably
  quorum_sizes quorums;
  std::vector<value> values;
};
/// These ranges are accepted in the ballot, durably; and everything up to `match`.
struct accept_response {
  std::vector<std::pair<spi::log_index, spi::log_index>> ranges;
  spi::log_index match = 0;
  std::uint64_t incarnation = 0; ///< the sender's
};
/// No greater ballot was promised when the heartbeat came.
struct heartbeat_response {
  std::uint64_t round = 0;
  spi::log_index committed = 0;    ///< the sender holds everything up to here, committed
  spi::log_index match = 0;        ///< and up to here, accepted in this ballot, durably
  spi::log_index acknowledged = 0; ///< likewise, but perhaps not yet durably
  std::uint64_t incarnation = 0;   ///< the sender's
};
/// A greater ballot, the message's, was promised.
struct rejected {};
/// The receiver should stand for leader at once.
struct timeout_now {};
/// A follower's reads: up to which index must it have applied?
struct read_request {
  leader_based::ticket asked;
};
struct read_response {
  leader_based::ticket asked;
  bool ok = false;
  spi::log_index index = 0;
};

using body = std::variant<prepare_request, promise, accept_request, accept_response,
                          heartbeat_response, rejected, timeout_now, read_request, read_response>;

struct message {
  paxos::ballot ballot = 0;
  paxos::body body;
};

std::string encode(ballot which, const body& what);
/// Of an accept, without a copy of the values: those of the log from `head.first` on, `count` of
/// them.
std::string encode_accept(ballot which, const accept_request& head, const slot_log& log,
                          std::size_t count);
/// @returns none for bytes that are no message, whoever made them.
std::optional<message> decode(std::string_view bytes);

} // namespace atl::paxos
