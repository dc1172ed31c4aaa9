#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/node_description.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/spi/random.hpp>

#include <caf/actor.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace atl::runtime {

/// The connection to one other node, shared by the roles of this node (`peer_connections`):
/// connects, sends the handshake, watches the node with heartbeats that carry the marks of all
/// replicas here, and reconnects with jittered back-off without end, and at once when the node has
/// connected to this one (`peer_seen`). Tells its subscribers when the node connects and
/// disconnects. A role that the other node refuses is down, while the others are up; the handshake
/// is repeated before each heartbeat until the role is accepted, and when the answer to a heartbeat
/// says that the other node describes itself in another way than before.
///
/// Answers each `envelope` with the other node's answer, or at once with an error: `unavailable`
/// without a connection, `busy` when more than `connection_bytes_max` bytes wait to be sent.
/// Messages from one replica to another (`outgoing_message`) are not answered. They are dropped
/// while the role is down or above that bound, which a consensus protocol tolerates.
class peer_connection_actor : public io_thread_actor {
 public:
  struct settings {
    std::string peer; ///< name of the other node, for the log
    endpoint where;
    std::shared_ptr<const node_description> self;
    connection_settings timing;
    std::uint64_t seed = 0;
  };

  peer_connection_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.peer_connection"; }

 private:
  struct subscription {
    peer_subscriber who;
    std::uint64_t since = 0; ///< the version of the node's description at the subscription
    bool is_up = false;
    role_info told;      ///< the peer's role in the last event that said that it is up
    std::string refusal; ///< the last reason of the peer: each reason is logged once
  };

  void connect();
  void introduce(const caf::actor& there, bool is_periodic);
  void on_handshake_reply(const caf::actor& there, const node_info& introduced,
                          std::uint64_t version, const envelope& answer);
  void on_tick();
  void send_heartbeat();
  void on_heartbeat_reply(const reply& answer);
  void schedule_tick();
  void on_disconnected(const std::string& reason);
  void retry_later();
  void subscribe(const add_subscriber& added);
  void update(subscription& subscriber);
  bool must_introduce() const;
  bool is_up(const std::string& role) const;
  caf::result<envelope> forward(envelope& message);
  void send_message(outgoing_message& message);

  settings settings_;
  spi::random_source random_;
  std::map<std::uint64_t, subscription> subscribers_; ///< by `add_subscriber::id`
  caf::actor peer_;                                   ///< null while there is no connection
  node_info peer_info_;                               ///< of the last handshake
  std::map<std::string, error> refused_;              ///< by role, in the last handshake
  std::uint64_t introduced_ = 0; ///< the version of the description in the last handshake
  /// The version of the peer's description that it told last; 0: none over this connection.
  std::uint64_t peer_version_ = 0;
  std::uint64_t generation_ = 0; ///< ticks and answers of an earlier generation are ignored
  std::chrono::milliseconds backoff_{0};
  bool waits_ = false;      ///< is a pause before the next attempt under way?
  std::string last_reason_; ///< the last reason for a disconnect: each reason is logged once
};

} // namespace atl::runtime
