#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/runtime/node_description.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace atl::runtime {

class peer_connections;

/// A share of a connection. The connection is closed when the last share is destroyed.
class peer_subscription {
 public:
  peer_subscription() = default;
  peer_subscription(peer_subscription&& other) noexcept { swap(other); }
  peer_subscription& operator=(peer_subscription&& other) noexcept {
    peer_subscription{std::move(other)}.swap(*this);
    return *this;
  }
  ~peer_subscription();

  /// The connection (`peer_connection_actor`); null: none.
  const caf::actor& connection() const { return connection_; }

 private:
  friend class peer_connections;
  void swap(peer_subscription& other) noexcept;

  std::shared_ptr<peer_connections> owner_;
  std::string where_;
  std::uint64_t id_ = 0;
  caf::actor connection_;
};

/// The connections of a node to others: one to each, which the node's roles share. Thread-safe.
class peer_connections : public std::enable_shared_from_this<peer_connections> {
 public:
  /// @param actors must have been made by `runtime::system`, and outlive the subscriptions
  peer_connections(caf::actor_system& actors, std::shared_ptr<node_description> self,
                   const connection_settings& timing, std::uint64_t seed);

  /// Connects to the node that listens at `where`, unless there is a connection to it already.
  /// `who` gets a `connection_event` when its role is connected, and when it is not any more.
  peer_subscription subscribe(const endpoint& where, peer_subscriber who);

  node_description& self() const { return *self_; }
  const connection_settings& timing() const { return timing_; }
  /// Of the nodes that connections are made to, or are being made to.
  std::size_t size() const;

 private:
  friend class peer_subscription;
  struct shared_connection {
    caf::actor connection;
    std::size_t subscribers = 0;
  };
  void release(const std::string& where, std::uint64_t id);

  caf::actor_system& actors_;
  const std::shared_ptr<node_description> self_;
  const connection_settings timing_;
  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  std::map<std::string, shared_connection> connections_; ///< by the address of the other node
  std::uint64_t last_id_ = 0;
};

} // namespace atl::runtime
