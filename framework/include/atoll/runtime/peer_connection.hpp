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
/// heartbeats, and reconnects with jittered back-off without end; at once when the node itself was
/// heard (`master_seen`). Tells its owner when the node comes and goes.
///
/// Takes `envelope`s and answers each with the other node's answer, or at once with an error of
/// code `unavailable` when there is no connection and `busy` when too many bytes are under way: CAF
/// itself would queue without bound. Messages of one replica to another (`outgoing_message`) are
/// not answered, and those that find too many bytes under way are lost, which a protocol bears.
class peer_connection_actor : public io_thread_actor {
 public:
  struct settings {
    std::string peer; ///< how the owner knows it
    endpoint where;
    node_info self;
    connection_settings timing;
    caf::actor owner; ///< gets `connection_event`s; of a replica also `storage_failed` (see `mark`)
    /// Of the replica that owns the connection: told to the peer with each heartbeat. A peer that
    /// knows of a later one, from before the last start, refuses this replica for good.
    std::shared_ptr<const shared_mark> mark;
    std::uint64_t seed = 0;
  };

  peer_connection_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override { peer_ = settings_.owner = nullptr; }
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
  void confirm();

  settings settings_;
  spi::random_source random_;
  caf::actor peer_;              ///< null while there is no connection
  std::uint64_t generation_ = 0; ///< ticks and answers of an earlier connection are ignored
  std::size_t bytes_under_way_ = 0;
  std::size_t unconfirmed_ = 0; ///< of those, bytes of messages that nobody answers
  std::chrono::milliseconds backoff_{0};
  bool waits_ = false;      ///< until it tries again
  std::string last_reason_; ///< so that the same reason is logged once
};

} // namespace atl::runtime
