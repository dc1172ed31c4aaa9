#pragma once

#include "node_messages.hpp"

#include <atoll/core/group_birth.hpp>
#include <atoll/node/group_status.hpp>
#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace atl::node {

/// Stands in for a replica whose data folder belongs to no group yet: queries the other members,
/// answers their queries, and tells all other callers what the replica waits for.
/// `group_admission` decides on the results. Stops once the replica founds or joins a group.
///
/// Spawn it detached: `admitted` opens databases.
class admission_actor : public caf::event_based_actor {
 public:
  struct settings {
    std::shared_ptr<runtime::peer_connections> connections; ///< of the node
    waiting_member self;                                    ///< all but what it waits for
    group_admission::settings admission;
    /// Called once, when the replica belongs to the group of `birth` under the id `self`.
    std::function<void(const group_birth& birth, spi::replica_id self)> admitted;
    /// Answers a message of the application; none: the answer is what the replica waits for.
    std::function<std::optional<runtime::envelope>(const runtime::envelope& message,
                                                   const waiting_member& self)>
        answer;
    shared_settings shared; ///< for `group_status`
  };

  admission_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.admission"; }

 private:
  using envelope = runtime::envelope;

  envelope on_envelope(const envelope& message);
  envelope answer_query(const envelope& message) const;
  group_status describe() const;
  void answer_calls(const envelope& message);
  void on_connection_event(const runtime::connection_event& event);
  void on_tick();
  void ask_peers();
  void decide();
  std::string waiting_reason() const;
  error waiting_error() const;

  settings settings_;
  group_admission admission_;
  std::map<std::string, runtime::peer_subscription> connections_; ///< by the member's name
  std::map<std::string, bool> up_;
  bool done_ = false;
};

} // namespace atl::node
