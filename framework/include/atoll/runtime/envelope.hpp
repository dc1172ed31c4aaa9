#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atl::runtime {

/// What an envelope carries. Kinds from `application` on belong to the program built on the
/// runtime. Kinds 3 to 5, 12 to 17, 22 and those from `application` on are for a role of the node;
/// the others are for the node itself.
enum class message_kind : std::uint16_t {
  reply = 0,     ///< `encode(reply)`
  handshake = 1, ///< the sender's `encode(node_info)`, answered by `encode(handshake_response)`
  /// A heartbeat: `encode_marks` of the sender's replicas; a client's is empty. Answered by
  /// `encode_description_version`.
  ping = 2,
  consensus = 3, ///< sender's replica id, receiver's, then the protocol's bytes
  snapshot = 4,  ///< sender's replica id, receiver's, then a call of `snapshot_transfer.hpp`
  calls = 5,     ///< several commands and queries of one client (`calls.hpp`)
  answers = 6,   ///< answers to some calls of one client
  command = 10,  ///< a command for the state machine, only as a `client_call`
  query = 11,    ///< a linearizable query to the state machine, only as a `client_call`
  members = 12,  ///< `encode(change_members)`, answered empty once it is committed
  transfer = 13, ///< the replica id that should lead
  group = 14,    ///< empty, answered by a list of `known_replica` (`calls.hpp`)
  /// A query that any replica answers from what it has applied, without a leader: the state may be
  /// old. Answered by `encode(local_response)` (`calls.hpp`).
  local_query = 15,
  /// `membership_query`, answered by `membership_response` (`core/group_birth.hpp`): from a member
  /// that belongs to no group yet.
  membership = 16,
  /// The id of a replica whose copy of the state is damaged, to another member: answered by
  /// `encode(snapshot_offer)` (`snapshot_transfer.hpp`), once the other member has saved its state.
  state_request = 18,
  group_status = 17, ///< empty, answered by `encode(node::group_status)` (`node/group_status.hpp`)
  status = 20,       ///< empty, answered by `encode(node_status)` (`node_status.hpp`)
  inventory = 21,    ///< empty, answered by a list of `plugin_entry` (`node_status.hpp`)
  /// `encode(deferred_call)`, answered empty once it is accepted. Its `completion` follows over the
  /// same connection when the work is done.
  deferred = 22,
  completion = 23, ///< `encode(runtime::completion)`, to the end that dialed
  metrics = 24,    ///< empty, answered by `encode(metric_set)` (`core/metrics.hpp`)
  application = 100,
};

/// The one type of message that goes over the wire.
struct envelope {
  message_kind kind = message_kind::reply;
  /// `cluster_digest` of the sender; for `consensus` and `snapshot` its `group_digest`. A node
  /// refuses a message with another digest than its own.
  std::uint64_t digest = 0;
  std::string body;
  /// The role of the receiving node that it is for; empty: for the node itself. At most
  /// `role_name_bytes_max` bytes.
  std::string role{};
};

/// The answer to an envelope.
struct reply {
  result<std::string> value;
  /// Only with an error: the node (`host:port`) that could do it; empty when not known.
  std::string hint;
  /// Only with an error: the command may have taken effect, or may still take effect. Repeat it
  /// only under the same session and sequence number.
  bool in_doubt = false;
};

std::string encode(const reply& answer);
/// Reads hostile bytes: anything malformed becomes an error of code `corrupt`.
reply decode_reply(std::string_view bytes);
/// Whether `decode_reply` finds a value, without copying it.
bool is_value(std::string_view reply_bytes);

envelope make_reply(const reply& answer);

/// Work for a role whose sender doesn't wait for the answer, but is notified of it.
struct deferred_call {
  std::uint64_t id = 0; ///< chosen by the sender; the completion carries the same id
  message_kind kind = message_kind::application;
  std::string body;
};
std::string encode(const deferred_call& call);
/// Reads hostile bytes. @returns none for a malformed call, and for a kind below `application`.
std::optional<deferred_call> decode_deferred_call(std::string_view bytes);

/// The outcome of a `deferred_call`.
struct completion {
  std::uint64_t id = 0;
  reply outcome;
};
std::string encode(const completion& it);
/// Reads hostile bytes. @returns none for a malformed completion.
std::optional<completion> decode_completion(std::string_view bytes);

} // namespace atl::runtime
