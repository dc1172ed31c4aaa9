#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/runtime/envelope.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Bodies of the envelopes between a client and the replicas of a group.
namespace atl::runtime {

/// One of several calls that a client sends together: most of what a small call costs on its way is
/// the envelope. Of kind `command` or `query`.
struct client_call {
  std::uint64_t id = 0; ///< chosen by the client; the answer carries the same id
  message_kind kind = message_kind::query;
  std::string body;
};
/// The body of an envelope of kind `calls`.
std::string encode(const std::vector<client_call>& calls);
/// Reads hostile bytes. @returns none for a malformed list, or one that exceeds a limit.
std::optional<std::vector<client_call>> decode_calls(std::string_view bytes);

/// An answer to a `client_call`. Answers are sent as soon as they are known, in any order; those
/// that are known at the same time share an envelope.
struct client_response {
  std::uint64_t id = 0;
  reply answer;
};
/// The body of an envelope of kind `answers`.
std::string encode(const std::vector<client_response>& answers);
std::optional<std::vector<client_response>> decode_responses(std::string_view bytes);

/// The answer to a `local_query`.
struct local_response {
  /// The replica had applied the entries up to this index, and perhaps later ones. A replica may
  /// lag behind the group by any number of entries.
  spi::log_index applied = 0;
  std::string response; ///< the state machine's
};
std::string encode(const local_response& answer);
/// Reads hostile bytes. @returns none for a malformed response.
std::optional<local_response> decode_local_response(std::string_view bytes);

/// A replica as the other replicas know it. A client that sends `message_kind::group` may call any
/// of the replicas in the reply.
struct known_replica {
  spi::replica_id id = 0;
  std::string name;
  endpoint where;
};
std::string encode(const std::vector<known_replica>& members);
std::optional<std::vector<known_replica>> decode_group(std::string_view bytes);

} // namespace atl::runtime
