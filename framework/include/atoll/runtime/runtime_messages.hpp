#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/runtime/calls.hpp>
#include <atoll/runtime/envelope.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/spi/consensus.hpp>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <array>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Messages between the actors of one process. Only `envelope` goes over the wire.
namespace atl::runtime {

/// A role of this node that uses a connection to another node.
struct peer_subscriber {
  caf::actor who;   ///< gets `connection_event`s; a replica also `storage_failed`
  std::string role; ///< of this node
  std::string peer; ///< the subscriber's name for the other node
  /// Does the subscriber get what the peer sends unasked for its role (`envelope_from_peer`)?
  /// Otherwise such envelopes are dropped.
  bool takes_envelopes = false;
};
/// To a connection.
struct add_subscriber {
  std::uint64_t id = 0; ///< for `remove_subscriber`
  peer_subscriber subscriber;
};
struct remove_subscriber {
  std::uint64_t id = 0;
};

/// To a subscriber of a connection: the peer accepts its role, or doesn't any more, for example
/// because the peer's own role is down or belongs to another group. Sent again while the role is up
/// when the peer's replica in the role has become another one.
struct connection_event {
  std::string peer;            ///< `peer_subscriber::peer`
  std::optional<node_info> up; ///< none: the peer disconnected, or refuses the role
  std::string reason;          ///< why the peer disconnected, refuses, or can't be reached
};

/// To a subscriber of a connection: an envelope that the peer sent unasked.
struct envelope_from_peer {
  std::string peer;
  envelope message;
};

/// To a connection, from itself: time to reconnect, or to send a heartbeat.
struct connection_tick {
  std::uint64_t generation = 0;
};

/// To a connection: sends a protocol's message to the peer's replica in a role, or drops it.
struct outgoing_message {
  std::string role;
  std::uint64_t digest = 0;
  spi::replica_id from = 0;
  spi::replica_id to = 0;
  std::string bytes;
};

/// To a replica: messages from one of its peers, in the order in which they were sent.
struct peer_messages {
  spi::replica_id from = 0;
  std::vector<std::string> bytes;
};
/// The body of an envelope of kind `consensus`: sender, receiver, then the protocol's messages.
std::string encode_peer_messages(spi::replica_id from, spi::replica_id to,
                                 std::initializer_list<std::string_view> bytes);
/// Reads hostile bytes. @returns none for malformed bytes, and for messages to another replica than
/// `to`.
std::optional<peer_messages> decode_peer_messages(std::string_view bytes, spi::replica_id to);

/// To a replica. The sender is the client, which receives the answers in envelopes of kind
/// `answers`.
struct client_calls {
  std::vector<client_call> calls;
};
/// To a replica; answered by `encode(std::vector<known_replica>)` in a `reply`.
struct get_group {};
/// Answered by `reply` (in an envelope).
struct submit_command {
  std::string command;
};
struct query_state {
  std::string query;
  spi::read_level level = spi::read_level::linearizable; ///< `local`: answered by `local_response`
};

/// To a replica: makes these the group's members. Answered by `reply` once it is committed.
struct change_members {
  std::vector<spi::replica_id> voters;
  std::vector<spi::replica_id> learners;
  std::vector<spi::replica_id> lost; ///< an operator's statement that these never come back
};
std::string encode(const change_members& it);
std::optional<change_members> decode_change_members(std::string_view bytes);

/// To a replica: hands leadership to another replica. Answered by `reply` before the hand-over
/// ends.
struct transfer_leadership {
  spi::replica_id to = 0;
};

/// To a replica: a node with the replica's role has sent a handshake, perhaps one that isn't in the
/// configuration here. The replica forwards the message to its connection to that node.
struct peer_seen {
  node_info who;
};

/// To a replica, from its node's endpoint: a peer says whether its disk is short of space.
struct peer_space {
  spi::replica_id of = 0;
  bool is_short = false;
};

/// To a node's endpoint: the actors that receive the messages for a role, from now on.
struct adopt_role {
  role_info info;
  caf::actor replica; ///< null: the role has none, or belongs to no group yet
  /// Receives the kinds from `message_kind::application` on. May be null.
  caf::actor application;
  /// Answers for the replica's group: `message_kind::membership` and `group_status`. While there is
  /// no replica it also receives messages for that, and answers why there is none. May be null.
  caf::actor membership{};
  /// The command by which an operator administers the group, such as `dfs admin master`: for
  /// messages. Empty: there is none.
  std::string admin_command{};
};
/// To a node's endpoint: the role is down, unless it is adopted again.
struct drop_role {
  std::string role;
  std::string why;
};
/// To a node's endpoint: the data folder of each member of the role's group. A node whose handshake
/// names one of these ids and another folder is turned away.
struct member_folders {
  std::string role;
  std::map<spi::replica_id, std::string> folder_of;
};
/// From a node's endpoint to the actors of a role, except the replica: a node was turned away, and
/// why. An empty `why`: a node that had been turned away was accepted.
struct turned_away {
  std::string name;
  std::string why;
};

/// To a replica: save the state, and offer it to a member whose copy is damaged. Answered by an
/// envelope, as `message_kind::state_request` says.
struct offer_state {
  spi::replica_id to = 0;
};
/// From a replica to its snapshot transfer: offer what is in `folder` to a peer. Answered by an
/// envelope: the offer.
struct snapshot_order {
  spi::replica_id to = 0;
  caf::actor connection; ///< over which the offer is sent; null: the answer to this message is all
  spi::log_index index = 0;
  std::string blob;
  std::filesystem::path folder;
};
/// The outcome of a `snapshot_order`.
struct snapshot_outcome {
  spi::replica_id to = 0;
  bool ok = false;
};
/// A peer's message about a snapshot (`snapshot_transfer.hpp`), to a replica, which forwards it to
/// its snapshot transfer actor. Answered by `reply`.
struct snapshot_call {
  spi::replica_id from = 0;
  caf::actor connection; ///< to `from`; set by the replica
  std::string host;      ///< of `from`; set by the replica
  std::string bytes;
};
/// To a snapshot transfer, from the thread that fetched the files: the outcome.
struct snapshot_fetched {
  std::uint64_t generation = 0;
  status outcome;
};
/// From the snapshot transfer to its replica: a peer's snapshot is complete and durable in
/// `folder`.
struct snapshot_arrived {
  spi::log_index index = 0;
  std::string blob;
  std::filesystem::path folder;
};

/// To a replica, from the thread that applies: a snapshot for `to` was taken, or why not.
struct state_saved {
  spi::replica_id to = 0;
  std::uint64_t request = 0; ///< of the peer, which the replica answers; 0: the protocol's order
  std::filesystem::path folder;
  result<spi::log_index> index;
};
/// To a replica, from the thread that applies: a snapshot replaced the state, or why not.
struct state_loaded {
  result<spi::log_index> index;
};

/// To a replica, from the threads of its log and its state machine.
struct durable_up_to {
  spi::persist_token token = 0;
};
struct storage_failed {
  error problem;
};
struct entries_applied {
  spi::log_index index = 0;
  std::vector<std::pair<spi::request_id, std::string>> answers;
};
struct queries_answered {
  std::vector<std::pair<spi::request_id, std::string>> answers;
};
struct state_flushed {
  spi::log_index index = 0;
};
struct replica_tick {
  std::uint64_t generation = 0;
};
struct flush_tick {};
/// To a replica, from itself: carry out the protocol's effects. The message queues behind all
/// others in the mailbox, so that effects of many events share a record and a message.
struct drain_effects {};

/// To a group's client: calls wait in its inbox.
struct calls_wait {};
/// To a group's client, from itself: a call's attempt or pause is over.
struct client_tick {};
/// To a group's client or a connection, from itself: the connection to a replica broke.
struct contact_lost {
  std::size_t member = 0;
  std::uint64_t generation = 0;
};

/// Counters since the replica started.
struct replica_metrics {
  std::uint64_t commits = 0;         ///< commands answered
  std::uint64_t refused = 0;         ///< commands refused, or with an unknown outcome
  std::uint64_t reads = 0;           ///< queries answered
  std::uint64_t applied_batches = 0; ///< batches of applied entries
  std::uint64_t elections = 0;       ///< times that this replica became a candidate or the leader
  std::uint64_t snapshots_sent = 0;
  std::uint64_t snapshots_taken_over = 0;
  std::uint64_t dropped_messages = 0; ///< messages without a connection to send them on
  /// Time of commands from arrival to answer: slot n counts the commands that took 2ⁿ⁻¹ to 2ⁿ µs.
  std::array<std::uint64_t, 32> latency{};
};

/// The state of a replica and of its group as the replica sees it. The answer to
/// `get_replica_view`.
struct replica_view {
  spi::consensus_status protocol;
  spi::replica_id self = 0;
  std::vector<spi::replica_id> voters;
  std::vector<spi::replica_id> learners;
  std::vector<known_replica> known; ///< configured, or connected later
  spi::log_index applied = 0;
  std::uint64_t incarnation = 0;
  std::string no_space; ///< why the leader refuses commands that take space; empty: it accepts them
  record_log::counters disk;
  replica_metrics metrics;
};
struct get_replica_view {};

/// To the supervisor of the node: a role of the node can't continue.
struct node_failure {
  std::string role;
  error problem;
};

} // namespace atl::runtime

CAF_BEGIN_TYPE_ID_BLOCK(atoll, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(atoll, (atl::runtime::envelope))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::connection_event))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::envelope_from_peer))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::connection_tick))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::peer_messages))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::submit_command))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::query_state))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::durable_up_to))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::storage_failed))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::entries_applied))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::queries_answered))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::state_flushed))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::replica_tick))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::flush_tick))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::replica_view))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::get_replica_view))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::node_failure))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::change_members))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::transfer_leadership))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::peer_seen))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::add_subscriber))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::remove_subscriber))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::snapshot_order))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::snapshot_outcome))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::offer_state))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::snapshot_call))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::snapshot_arrived))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::state_saved))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::state_loaded))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::outgoing_message))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::client_calls))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::get_group))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::drain_effects))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::calls_wait))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::client_tick))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::contact_lost))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::snapshot_fetched))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::adopt_role))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::drop_role))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::member_folders))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::turned_away))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::peer_space))

CAF_END_TYPE_ID_BLOCK(atoll)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::envelope)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::connection_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::envelope_from_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::connection_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::peer_messages)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::submit_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::query_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::durable_up_to)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::storage_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::entries_applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::queries_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::state_flushed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::replica_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::flush_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::replica_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::get_replica_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::node_failure)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::change_members)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::transfer_leadership)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::peer_seen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::add_subscriber)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::remove_subscriber)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::snapshot_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::snapshot_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::offer_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::snapshot_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::snapshot_arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::state_saved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::state_loaded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::outgoing_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::client_calls)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::get_group)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::drain_effects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::calls_wait)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::client_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::contact_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::snapshot_fetched)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::adopt_role)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::drop_role)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::member_folders)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::turned_away)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::peer_space)
