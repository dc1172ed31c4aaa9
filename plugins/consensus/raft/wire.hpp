#pragma once

#include "../common/read_index.hpp"
#include "log.hpp"

#include <atoll/spi/codec.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What replicas say to each other. Each message begins with its type and the sender's term.
namespace atl::raft {

/// Asks for a vote. `pre_vote`: a pre-vote, which changes nothing (dissertation, 9.6); its term is
/// the one the candidate would stand in. `forced`: the leader handed over, so the voter needn't
/// wait until it misses it.
struct vote_request {
  spi::log_index last = 0;
  std::uint64_t last_term = 0;
  bool pre_vote = false;
  bool forced = false;
};
struct vote_response {
  bool pre_vote = false;
  bool granted = false;
  std::uint64_t asked_term = 0; ///< the one asked for
};
/// Entries behind `previous`; also the heartbeat, when there are none.
struct append_request {
  spi::log_index previous = 0;
  std::uint64_t previous_term = 0;
  spi::log_index commit = 0;
  std::uint64_t round = 0;   ///< of heartbeats, which reads wait for
  spi::log_index known = 0;  ///< what the leader knows this replica to hold durably
  std::uint64_t attempt = 0; ///< how often the leader began anew to send to this replica
  spi::timestamp sent{0};    ///< when it left, by the leader's clock
  std::vector<entry> entries;
};
struct append_response {
  bool fits = false;
  /// If it fits: everything up to here is durable and as the leader has it. If not: where the
  /// leader should go on looking.
  spi::log_index match = 0;
  spi::log_index previous = 0;     ///< of the request that didn't fit
  std::uint64_t attempt = 0;       ///< likewise
  spi::log_index acknowledged = 0; ///< up to here all is as the leader has it, durable or not
  std::uint64_t round = 0;
  spi::timestamp sent{0};    ///< of the request
  spi::timestamp promise{0}; ///< for so long after it came, the sender votes for nobody
};
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

using body = std::variant<vote_request, vote_response, append_request, append_response, timeout_now,
                          read_request, read_response>;

struct message {
  std::uint64_t term = 0;
  raft::body body;
};

std::string encode(std::uint64_t term, const body& what);
/// Of an append, without a copy of the entries: those of the log from `first` on, `count` of them.
std::string encode_append(std::uint64_t term, const append_request& head, const entry_log& log,
                          spi::log_index first, std::size_t count);
/// @returns none for bytes that are no message, whoever made them.
std::optional<message> decode(std::string_view bytes);

} // namespace atl::raft
