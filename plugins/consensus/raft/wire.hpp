#pragma once

#include "../common/message_codec.hpp"
#include "../common/read_index.hpp"
#include "log.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

/// The messages between replicas. Each begins with its type and the sender's term.
namespace atl::raft {

using leader_based::read_request;
using leader_based::read_response;
using leader_based::timeout_now;

struct vote_request {
  spi::log_index last = 0;
  std::uint64_t last_term = 0;
  /// Would you vote? Changes nothing (dissertation, 9.6); the message's term is the one that the
  /// sender would campaign in.
  bool pre_vote = false;
  bool forced = false; ///< the leader hands over, so voters need not miss the leader first

  static constexpr auto fields = std::tuple{&vote_request::last, &vote_request::last_term,
                                            &vote_request::pre_vote, &vote_request::forced};
};
struct vote_response {
  bool pre_vote = false;
  bool granted = false;
  std::uint64_t asked_term = 0; ///< the request's

  static constexpr auto fields =
      std::tuple{&vote_response::pre_vote, &vote_response::granted, &vote_response::asked_term};
};
/// Entries after `previous`; a heartbeat when there are none.
struct append_request {
  spi::log_index previous = 0;
  std::uint64_t previous_term = 0;
  spi::log_index commit = 0;
  std::uint64_t round = 0;   ///< the heartbeat round
  spi::log_index known = 0;  ///< what the leader knows this replica to hold durably
  std::uint64_t attempt = 0; ///< how often the leader resent entries to this replica
  spi::timestamp sent{0};    ///< when the request left, by the leader's clock
  std::vector<entry> entries;

  static constexpr auto head = std::tuple{&append_request::previous, &append_request::previous_term,
                                          &append_request::commit,   &append_request::round,
                                          &append_request::known,    &append_request::attempt,
                                          &append_request::sent};
};
struct append_response {
  bool fits = false;
  /// If it fits: all entries up to here are durable and the same as the leader's. If not: where the
  /// leader should look for the last common entry.
  spi::log_index match = 0;
  spi::log_index previous = 0;     ///< of a request that doesn't fit
  std::uint64_t attempt = 0;       ///< of a request that doesn't fit
  spi::log_index acknowledged = 0; ///< up to here the entries are the leader's, durable or not
  std::uint64_t round = 0;         ///< the newest heartbeat round that arrived
  spi::timestamp sent{0};          ///< of the request
  spi::timestamp promise{0};       ///< for so long after the request the sender grants no vote

  static constexpr auto fields = std::tuple{
      &append_response::fits,    &append_response::match,        &append_response::previous,
      &append_response::attempt, &append_response::acknowledged, &append_response::round,
      &append_response::sent,    &append_response::promise};
};

using body = std::variant<vote_request, vote_response, append_request, append_response, timeout_now,
                          read_request, read_response>;

struct message {
  std::uint64_t term = 0;
  raft::body body;
};

std::string encode(std::uint64_t term, const body& what);
/// An append of `count` entries of the log from `first` on, without a copy of them.
std::string encode_append(std::uint64_t term, const append_request& head, const entry_log& log,
                          spi::log_index first, std::size_t count);
/// @returns none for bytes that aren't a message.
std::optional<message> decode(std::string_view bytes);

} // namespace atl::raft
