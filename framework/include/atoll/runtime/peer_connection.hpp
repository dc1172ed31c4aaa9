#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/shared_mark.hpp>
#include <atoll/spi/random.hpp>

#include <caf/actor.hpp>

#include <memory>
#include <string>

namespace atl::runtime {

/// The connection to one other node: connects, sends the handshake, watches the node with
/// heartbeats, and reconnects with jittered back-off without end, and at once when the node has
/// connected to this one
/// (`master_seen`). Tells its supervisor when the node connects and disconnects.
///
/// Answers each `envelope` with the other node's answer, or at once with an error: `unavailable`
/// without a connection, `busy` when more than `connection_bytes_max` bytes wait to be sent.
/// Messages from one replica to another (`outgoing_message`) are not answered. They are dropped
/// without a connection or above that bound, which a consensus protocol tolerates.
class peer_connection_actor : public io_thread_actor {
 public:
  struct settings {
    std::string peer; ///< the supervisor's name for the peer
    endpoint where;
    node_info self;
    connection_settings timing;
    caf::actor
        supervisor; ///< gets `connection_event`s; of a replica also `storage_failed` (see `mark`)
    /// The mark of this process's replica, sent to the peer with each heartbeat; null on a node
    /// that is no replica. A peer that remembers a later mark of an earlier incarnation refuses
    /// this replica for good.
    std::shared_ptr<const shared_mark> mark;
    std::uint64_t seed = 0;
    /// Does the supervisor get what the peer sends unasked (`envelope_from_peer`)? Otherwise such
    /// envelopes are dropped.
    bool takes_envelopes = false;
  };

  peer_connection_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override { peer_ = settings_.supervisor = nullptr; }
  const char* name() const override { return "atoll.peer_connection"; }

 private:
  void connect();
  void send_handshake(const caf::actor& there);
  void on_handshake_reply(const caf::actor& there, const envelope& answer);
  void send_heartbeat();
  void on_disconnected(const std::string& reason);
  void retry_later();
  caf::result<envelope> forward(envelope& message);
  void send_message(const outgoing_message& message);

  settings settings_;
  spi::random_source random_;
  caf::actor peer_;              ///< null while there is no connection
  std::uint64_t generation_ = 0; ///< ticks and answers of an earlier generation are ignored
  std::chrono::milliseconds backoff_{0};
  bool waits_ = false;      ///< is a pause before the next attempt under way?
  std::string last_reason_; ///< the last reason for a disconnect: each reason is logged once
};

} // namespace atl::runtime
