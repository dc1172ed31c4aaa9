#pragma once

#include "node_messages.hpp"

#include <atoll/core/group_birth.hpp>
#include <atoll/node/group_status.hpp>
#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace atl::node {

/// Answers for a replica's group: tells a member with an empty data folder whether the group has
/// admitted it, and an operator how the group is as the replica sees it. Tells the node's endpoint
/// the data folders of members that are admitted later, wherever they were admitted.
class membership_actor : public caf::event_based_actor {
 public:
  struct settings {
    service_member self;
    caf::actor endpoint;               ///< gets `member_folders`
    std::chrono::milliseconds timeout; ///< for the replica to answer a query
    shared_settings shared;
  };

  membership_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override { settings_.self.replica = settings_.endpoint = nullptr; }
  const char* name() const override { return "atoll.membership"; }

 private:
  using envelope = runtime::envelope;
  using members = std::vector<member_identity>;
  struct refusal {
    std::string why;
    std::chrono::steady_clock::time_point seen;
  };

  caf::result<envelope> on_envelope(const envelope& message);
  caf::result<envelope> answer_query(const envelope& message);
  caf::result<envelope> answer_status();
  /// @param level `local` reads what the replica has applied, also without a quorum
  void query_members(spi::read_level level, std::function<void(const result<members>&)> done);
  void look_at_members();
  void note_members(const members& found);
  void note_turned_away(const runtime::turned_away& node);
  group_status describe(const runtime::replica_view& view, const members& admitted) const;

  settings settings_;
  std::map<spi::replica_id, std::string> folders_; ///< that the endpoint was told last
  std::map<std::string, refusal> turned_away_;     ///< by the node's name
};

} // namespace atl::node
