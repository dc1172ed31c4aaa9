#pragma once

#include "network_messages.hpp"

#include <atoll/net/cluster_secret.hpp>
#include <atoll/net/handshake.hpp>
#include <atoll/runtime/io_thread_actor.hpp>

#include <boost/asio/io_context.hpp>
#include <caf/actor_addr.hpp>
#include <caf/response_promise.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace atl::runtime {

/// Where the network actor stands in the registry of its actor system.
inline constexpr const char* network_actor_name = "atoll.network";

/// Makes connections to other nodes, takes in connections that a gatekeeper let in, and gives each
/// of them an actor (`remote_node_actor`) that stands for the node at the other end.
class network_actor : public io_thread_actor {
 public:
  struct settings {
    std::shared_ptr<boost::asio::io_context> context;
    net::identity self;
    net::cluster_secret secret;
  };

  network_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.network"; }

 private:
  /// A connection that is being made.
  struct pending_dial {
    dial_node order;
    caf::response_promise promise;
    caf::actor_addr owner;   ///< who gets envelopes that arrive unasked
    caf::actor_addr lane_of; ///< not null: the connection is the bulk lane of this remote node
  };

  caf::result<dial_outcome> on_dial(const dial_node& order);
  void begin(pending_dial what, const net::link_id& link);
  void on_dialed(dial_ended& ended);
  void take_in(const connection_admitted& what);
  void remember(const net::link_id& link, const caf::actor& node);

  settings settings_;
  std::uint64_t last_dial_ = 0;
  std::map<std::uint64_t, pending_dial> dials_;
  std::map<net::link_id, caf::actor_addr> links_; ///< the links that others opened to this node
};

} // namespace atl::runtime
