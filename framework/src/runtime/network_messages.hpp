#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/net/dialer.hpp>
#include <atoll/net/gatekeeper.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

/// Messages between the actors that carry envelopes over the network.
namespace atl::runtime {

/// To the network actor: connect to the node at `where`. Answered by `dial_outcome`. Envelopes that
/// the node sends unasked go to the sender.
struct dial_node {
  endpoint where;
  std::chrono::milliseconds timeout{0};
};
/// To the network actor, from a remote node's actor: make a second connection to its node for large
/// messages, the bulk lane. Answered by `bulk_lane_opened`, as a message of its own.
struct dial_bulk_lane {
  dial_node order;
  net::link_id link{};
};
/// To a remote node's actor, at the end that dialed: carry large messages over a second connection
/// from now on, so that small ones don't wait for them.
struct need_bulk_lane {};

struct dial_outcome {
  caf::actor node; ///< forwards envelopes to the node's endpoint; null after a failure
  net::dial_failure failure;
};

/// To the network actor, from the dialer.
struct dial_ended {
  std::uint64_t id = 0;
  std::shared_ptr<tl::expected<net::dialed, net::dial_failure>> outcome;
};

/// To the network actor, from a gatekeeper.
struct connection_admitted {
  std::shared_ptr<net::admitted> connection;
  caf::actor receiver; ///< of the envelopes that arrive
};

/// To the network actor: a link that another node had opened has ended.
struct link_ended {
  net::link_id link{};
};

/// To a remote node's actor: the second connection to its node. A null socket: it can't be made.
struct bulk_lane_opened {
  std::shared_ptr<boost::asio::ip::tcp::socket> socket;
  std::shared_ptr<void> place;
};

/// To a remote node's actor, from its channels.
struct envelope_arrived {
  std::uint8_t use = 0;
  std::uint64_t id = 0;
  envelope message;
};
struct channel_closed {
  error problem;
};
/// To a remote node's actor, from itself.
struct remote_node_tick {};

/// Whoever waits for the outcome of a `node_call`. Whatever becomes of it, `done` is called once.
struct node_caller {
  std::function<void(result<std::string>)> done;
  std::function<void()> accepted; ///< of a deferred call; may be null

  ~node_caller() { finish(fail(errc::unavailable, "the client was closed")); }
  void finish(result<std::string> outcome) {
    if (auto call = std::exchange(done, nullptr))
      call(std::move(outcome));
  }
};

enum class node_call_type : std::uint8_t { request, one_way, deferred };

/// To a `node_client`'s actor.
struct node_call {
  endpoint where;
  node_call_type type = node_call_type::request;
  message_kind kind = message_kind::application;
  std::string role;
  std::string body;
  std::shared_ptr<node_caller> caller;
};

} // namespace atl::runtime

CAF_BEGIN_TYPE_ID_BLOCK(atoll_network, caf::first_custom_type_id + 60)
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::dial_node))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::dial_outcome))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::dial_ended))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::connection_admitted))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::link_ended))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::bulk_lane_opened))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::envelope_arrived))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::channel_closed))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::remote_node_tick))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::node_call))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::dial_bulk_lane))
CAF_ADD_TYPE_ID(atoll_network, (atl::runtime::need_bulk_lane))
CAF_END_TYPE_ID_BLOCK(atoll_network)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dial_node)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dial_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dial_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::connection_admitted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::link_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::bulk_lane_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::envelope_arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::channel_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::remote_node_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::node_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dial_bulk_lane)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::need_bulk_lane)
