#pragma once

#include "master/master_actor.hpp"

#include <atoll/core/group_birth.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dfs {

/// Stands in for a master whose data folder belongs to no group yet: queries the other masters,
/// answers their queries, and tells all other callers what the master waits for.
/// `atl::group_admission` decides on the results. Stops once the master founds or joins a group.
///
/// Spawn it detached: `admitted` opens databases.
class admission_actor : public caf::event_based_actor {
 public:
  struct settings {
    std::shared_ptr<atl::runtime::peer_connections> connections; ///< of the node
    atl::runtime::node_info self;
    atl::runtime::role_info role;
    atl::group_admission::settings admission;
    std::vector<atl::runtime::replica_actor::peer> masters; ///< all configured, this one included
    master_policy policy;                                   ///< for `status`
    /// Called once, when the master belongs to the group of `birth` under the id `self`.
    std::function<void(const atl::group_birth& birth, atl::spi::replica_id self)> admitted;
  };

  admission_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "dfs.admission"; }

 private:
  using envelope = atl::runtime::envelope;

  caf::result<envelope> on_envelope(const envelope& message);
  envelope answer_query(const envelope& message) const;
  envelope on_heartbeat(const envelope& message);
  envelope describe_waiting() const;
  void answer_calls(const envelope& message);
  void on_connection_event(const atl::runtime::connection_event& event);
  void ask_peers();
  void decide();
  void end_connections();
  atl::error waiting_error() const;
  atl::group_admission::timestamp now() const;

  settings settings_;
  atl::group_admission admission_;
  std::map<std::string, atl::runtime::peer_subscription> connections_; ///< by the master's name
  std::map<std::string, bool> up_;
  std::string waits_for_; ///< the explanation of the last decision
  bool done_ = false;
};

} // namespace dfs
