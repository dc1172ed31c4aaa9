#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/node/cluster_config.hpp>
#include <atoll/node/node_config.hpp>
#include <atoll/node/node_folder.hpp>
#include <atoll/node/plugin_host.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/actor.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace atl::node {

/// An operator's orders for this start alone.
struct start_orders {
  /// A member of a group whose data folder is empty founds the group at once.
  bool found_group = false;
  /// Moves the content of the data folder aside, so that the node starts empty.
  bool new_disk = false;
  /// A member of a group rebuilds its state from another member's, as if its own were damaged.
  bool rebuild_state = false;
  /// The backup that a member of a group with an empty data folder begins from; empty: none. The
  /// group is founded at once.
  std::filesystem::path restore{};
};

/// What a node gives to one of its roles. Everything that it refers to lives until the role has
/// stopped.
class node_context {
 public:
  const atl::config& configuration;
  const cluster_config& cluster;
  const node_config& self;
  const plugin_host& plugins;
  const start_orders& orders;
  node_folder& folder;     ///< thread-safe
  runtime::system& actors; ///< thread-safe
  /// The number of files, sockets included, that this process may have open.
  std::uint64_t open_files_max = 0;
  /// Takes the role down for the reason given, and the node if it has no other role. Thread-safe;
  /// only the first call counts. It doesn't wait for the end of the role, so that the role may call
  /// it.
  std::function<void(const error&)> fail;
  /// Takes the role down when it gets a `runtime::node_failure`.
  caf::actor supervisor;
  /// The node's connections to other nodes, which its roles share, and what the node says about
  /// itself. A role with a replica describes itself there.
  std::shared_ptr<runtime::peer_connections> connections;
  /// The node's endpoint: a role sends it a `runtime::adopt_role` with the actors that receive its
  /// messages. Messages arrive once all roles have started.
  caf::actor endpoint;
  /// A role whose settings name an address of the node says so while it starts: where the endpoint
  /// listens, and where others find it. Port 0 means any free port, for both. An address with a
  /// port takes precedence, then the first one. @returns errc::invalid if another role has named
  /// another address with a port.
  std::function<status(const atl::endpoint& address, const atl::endpoint& listen)> set_address;

  /// Takes the role down when this actor ends without having been told to
  /// (`caf::exit_reason::user_shutdown`): a role whose actor is gone would look alive and do
  /// nothing. Thread-safe. @param what the actor, for people: `the endpoint of the master`
  void supervise(const caf::actor& who, std::string what) const;
};

/// Tells the actors of a role to end, and waits until they have ended.
void end_actors(runtime::system& actors, const std::vector<caf::actor>& which);

/// Calls `failed`, at most once and in any thread, when the actor ends without having been told to.
/// `failed` must not block or throw.
void supervise(const caf::actor& who, std::string what, std::function<void(const error&)> failed);

} // namespace atl::node
