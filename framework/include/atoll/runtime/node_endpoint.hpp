#pragma once

#include <atoll/core/log_limiter.hpp>
#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace atl::runtime {

/// The actor that a node publishes. It receives every envelope from other processes, refuses
/// envelopes for another cluster or group, and forwards the others to the replica or the
/// application.
class node_endpoint_actor : public io_thread_actor {
 public:
  struct settings {
    node_info self;
    caf::actor replica; ///< null on a node that is no master, or no member of a group yet
    /// Receives the kinds from `message_kind::application` on. On a master without a replica it
    /// also receives messages for the replica, and answers why there is none. May be null.
    caf::actor application;
  };

  node_endpoint_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void
  on_exit() override; ///< drops the handles: CAF keeps published actors alive until the system ends
  const char* name() const override { return "atoll.node_endpoint"; }

 private:
  caf::result<envelope> on_envelope(envelope& message);
  envelope answer_handshake(const envelope& message);
  envelope turn_away(const node_info& who, const std::string& why);
  std::string wrong_folder(const node_info& who) const;
  std::string older_copy(const node_info& who) const;
  void remember(spi::replica_id of, const replica_mark& mark);
  caf::result<envelope> to_replica(envelope& message);
  caf::result<envelope> from_peer(envelope& message);
  caf::result<envelope> refuse(errc code, std::string why);
  caf::result<envelope> reject_malformed(std::string why);

  settings settings_;
  std::uint64_t cluster_digest_;
  std::uint64_t group_digest_;
  std::map<spi::replica_id, std::string>
      folder_of_;                                 ///< data folder of each known member of the group
  std::map<spi::replica_id, replica_mark> marks_; ///< the latest mark of each replica
  std::set<std::string>
      turned_away_; ///< names of nodes that were turned away and not accepted since
  log_limiter malformed_log_;
  log_limiter turned_away_log_;
};

} // namespace atl::runtime
