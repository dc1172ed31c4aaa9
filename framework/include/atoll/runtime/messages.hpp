#pragma once

#include <atoll/core/error.hpp>
#include <atoll/runtime/envelope.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/spi/consensus.hpp>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <optional>
#include <string>
#include <vector>

/// Messages between the actors of one process. Only `envelope` goes over the wire.
namespace atl::runtime {

/// To a link's owner, when the other side comes or goes.
struct link_event {
  std::string peer;            ///< as the link was named
  std::optional<node_info> up; ///< none: it went
  std::string reason;          ///< why it went, or can't be reached
};

/// To a link: time to try again, or to see whether the peer is still there.
struct link_tick {
  std::uint64_t generation = 0;
};

/// To a replica, from its peers and its clients.
struct peer_message {
  spi::replica_id from = 0;
  std::string bytes;
};
/// Answered by `reply` (in an envelope).
struct submit_command {
  std::string command;
};
struct ask_state {
  std::string question;
};

/// To a replica, from the threads that work for it.
struct durable_up_to {
  spi::persist_token token = 0;
};
struct storage_failed {
  error problem;
};
struct entries_applied {
  spi::log_position position = 0;
  std::vector<std::pair<spi::request_id, std::string>> answers;
};
struct question_answered {
  spi::request_id id = 0;
  std::string answer;
};
struct state_flushed {
  spi::log_position position = 0;
};
struct command_validated {
  std::uint64_t ticket = 0;
  std::optional<std::string> objection;
};
struct replica_tick {
  std::uint64_t generation = 0;
};
struct flush_tick {};

/// How a replica is doing; the answer to `get_replica_view`, and sent to its observer on a change
/// of role.
struct replica_view {
  spi::consensus_status protocol;
  spi::replica_id self = 0;
  spi::log_position applied = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t syncs = 0;
  std::uint64_t sync_batches = 0;
  std::uint64_t dropped_messages = 0;
};
struct get_replica_view {};

/// To the one who runs the node: it can't go on.
struct node_failure {
  std::string role;
  error problem;
};

} // namespace atl::runtime

CAF_BEGIN_TYPE_ID_BLOCK(atoll, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(atoll, (atl::runtime::envelope))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::link_event))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::link_tick))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::peer_message))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::submit_command))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::ask_state))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::durable_up_to))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::storage_failed))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::entries_applied))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::question_answered))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::state_flushed))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::command_validated))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::replica_tick))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::flush_tick))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::replica_view))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::get_replica_view))
CAF_ADD_TYPE_ID(atoll, (atl::runtime::node_failure))

CAF_END_TYPE_ID_BLOCK(atoll)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::link_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::link_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::peer_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::submit_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::ask_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::durable_up_to)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::storage_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::entries_applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::question_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::state_flushed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::command_validated)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::replica_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::flush_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::replica_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::get_replica_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::node_failure)
