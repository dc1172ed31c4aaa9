#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/net/gatekeeper.hpp>
#include <atoll/runtime/wire_versions.hpp>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace atl::runtime {

/// As whom a process connects to others and is connected to.
struct membership {
  std::string cluster;
  std::string name;
  std::vector<std::string> roles; ///< none: a client
  net::cluster_secret secret;
  spi::version_range wire = wire_versions;
};

/// The actor system of a process, and its connections to others. CAF itself opens no socket: only
/// envelopes travel, over connections whose peers have proved that they belong to the cluster
/// (docs/adr/0011), and only actors that are published receive them.
class system {
 public:
  /// @param threads of the scheduler; the I/O thread and the threads that write to disks come on
  /// top.
  explicit system(std::size_t threads, membership self = {});
  system(const system&) = delete;
  system& operator=(const system&) = delete;
  /// Waits until all actors have ended, so they must have been told to.
  ~system();

  caf::actor_system& operator*();
  caf::actor_system* operator->();

  /// Listens at `where` (port 0: any free port), and hands envelopes from nodes and clients of the
  /// cluster to `who`. @returns the address with the actual port, or an error that names the
  /// address when it is in use, or reachable from other machines without a secret.
  result<endpoint> publish(const caf::actor& who, const endpoint& where);
  /// Closes the published ports and all connections. Called before the actors are awaited.
  void disconnect();
  /// Of all published ports. Thread-safe.
  net::gatekeeper_counters connections() const;

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace atl::runtime
