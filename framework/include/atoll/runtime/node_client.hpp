#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/metrics.hpp>
#include <atoll/runtime/envelope.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/node_status.hpp>

#include <caf/actor.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace atl::runtime {

class system;

/// Asks nodes of the cluster, by their address: about themselves, or for work of one of their
/// roles. Unlike a `group_client` it repeats nothing and looks for no other node. Keeps its
/// connections.
///
/// Thread-safe; actors may use it as well. Functions that get a callback never block; callbacks are
/// called by an actor's thread, so they must not block and must not throw.
class node_client {
 public:
  struct settings {
    node_info self; ///< cluster and name of the caller
    std::chrono::milliseconds connect_timeout{2000};
    std::chrono::milliseconds timeout{10'000}; ///< for the answer to a request
  };
  /// Receives the answer or the error: the node's own, or errc::unavailable (the node can't be
  /// reached; nothing was done), errc::busy, errc::timeout (no answer: it may have been done).
  using completion = std::function<void(result<std::string>)>;

  /// @param actors must outlive this object
  node_client(system& actors, settings given);
  node_client(const node_client&) = delete;
  node_client& operator=(const node_client&) = delete;
  /// Completes the calls that are under way with an error.
  ~node_client();

  /// A request for a role of the node (empty: for the node itself), and its reply.
  void ask(const endpoint& where, std::string role, message_kind kind, std::string body,
           completion done);
  /// Waits for the reply. Not for actors.
  result<std::string> ask(const endpoint& where, std::string role, message_kind kind,
                          std::string body);

  /// A message without a reply. @param sent is called when the message has been handed to the
  /// connection, or with the reason why it has not. It may still be lost after that.
  void tell(const endpoint& where, std::string role, message_kind kind, std::string body,
            completion sent);

  /// Work whose end is notified later: the connection stays open for it, and there is no timeout.
  /// @param kind from `message_kind::application` on
  /// @param accepted is called once the node has taken the work over; may be null
  /// @param done is called with the outcome, or with errc::timeout when the connection breaks first
  void defer(const endpoint& where, std::string role, message_kind kind, std::string body,
             std::function<void()> accepted, completion done);

  result<node_status> status(const endpoint& where);
  result<std::vector<plugin_entry>> inventory(const endpoint& where);
  result<metric_set> metrics(const endpoint& where);

 private:
  caf::actor worker_;
};

} // namespace atl::runtime
