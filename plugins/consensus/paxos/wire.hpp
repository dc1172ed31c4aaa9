#pragma once

#include "../common/message_codec.hpp"
#include "../common/read_index.hpp"
#include "ballot.hpp"
#include "config.hpp"
#include "log.hpp"

#include <atoll/spi/codec.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

/// The messages between replicas. Each begins with its type and a ballot: that of the leader (or
/// candidate) which sends it, or the one that the sender has promised.
namespace atl::paxos {

using leader_based::read_request;
using leader_based::read_response;
using leader_based::timeout_now;

/// Phase 1: what was accepted from `first` on, in any earlier ballot?
struct prepare_request {
  spi::log_index first = 0;
  quorum_sizes quorums{}; ///< replicas with other sizes must not count each other
  bool pre_vote = false;  ///< would you promise? Changes nothing
  bool forced = false;    ///< the leader hands over, so voters need not miss the leader first

  static constexpr auto fields = std::tuple{&prepare_request::first, &prepare_request::quorums,
                                            &prepare_request::pre_vote, &prepare_request::forced};
};
/// One page of the response: everything that was accepted from `first` to `covered`.
struct promise {
  ballot asked = 0; ///< the request's ballot
  bool pre_vote = false;
  bool ok = false;
  spi::log_index first = 0;
  spi::log_index covered = 0;
  bool complete = false;         ///< nothing is accepted after `covered`
  spi::log_index committed = 0;  ///< the sender has everything up to here, committed
  std::uint64_t incarnation = 0; ///< the sender's
  std::vector<std::pair<spi::log_index, slot>> accepted;

  static constexpr auto head =
      std::tuple{&promise::asked,   &promise::pre_vote, &promise::ok,        &promise::first,
                 &promise::covered, &promise::complete, &promise::committed, &promise::incarnation};
};
/// Phase 2, for indexes from `first` on; a heartbeat when there are no values.
struct accept_request {
  spi::log_index first = 0;
  spi::log_index committed = 0; ///< at the leader
  std::uint64_t round = 0;      ///< the heartbeat round
  spi::log_index known = 0;     ///< what the leader knows this replica to hold durably
  quorum_sizes quorums{};
  std::vector<value> values;

  static constexpr auto head =
      std::tuple{&accept_request::first, &accept_request::committed, &accept_request::round,
                 &accept_request::known, &accept_request::quorums};
};
/// The sender accepted these ranges in the ballot, durably, and everything up to `match`.
struct accept_response {
  std::vector<std::pair<spi::log_index, spi::log_index>> ranges;
  spi::log_index match = 0;
  std::uint64_t incarnation = 0; ///< the sender's
};
/// The sender had promised no greater ballot when the heartbeat came.
struct heartbeat_response {
  std::uint64_t round = 0;
  spi::log_index committed = 0;    ///< the sender has everything up to here, committed
  spi::log_index match = 0;        ///< accepted in this ballot up to here, durably
  spi::log_index acknowledged = 0; ///< accepted in this ballot up to here, durably or not
  std::uint64_t incarnation = 0;   ///< the sender's

  static constexpr auto fields = std::tuple{
      &heartbeat_response::round, &heartbeat_response::committed, &heartbeat_response::match,
      &heartbeat_response::acknowledged, &heartbeat_response::incarnation};
};
/// The sender has promised a greater ballot: the message's.
struct rejected {
  static constexpr auto fields = std::tuple{};
};

using body = std::variant<prepare_request, promise, accept_request, accept_response,
                          heartbeat_response, rejected, timeout_now, read_request, read_response>;

struct message {
  paxos::ballot ballot = 0;
  paxos::body body;
};

std::string encode(ballot which, const body& what);
/// An accept of `count` values of the log from `head.first` on, without a copy of them.
std::string encode_accept(ballot which, const accept_request& head, const slot_log& log,
                          std::size_t count);
/// @returns none for bytes that aren't a message.
std::optional<message> decode(std::string_view bytes);

} // namespace atl::paxos
