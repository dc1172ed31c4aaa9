#pragma once

#include "node_messages.hpp"
#include "waiting_replica_actor.hpp"

#include <functional>
#include <string>

namespace atl::node {

/// Stands in for a replica whose data folder belongs to no group yet: queries the other members,
/// answers their queries, and tells all other callers what the replica waits for.
/// `group_admission` decides on the results. Stops once the replica founds or joins a group.
///
/// Spawn it detached: `admitted` opens databases.
class admission_actor : public waiting_replica_actor {
 public:
  /// Called once, when the replica belongs to the group of `birth` under the id `self`.
  using admitted_function = std::function<void(const group_birth& birth, spi::replica_id self)>;

  admission_actor(caf::actor_config& config, settings given, group_admission::settings admission,
                  admitted_function admitted);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.admission"; }

 private:
  std::string why_absent() const override;
  std::string waiting_reason() const override;
  void on_unreachable(const peer& member, const std::string& reason) override;
  void on_tick();
  void ask_peers();
  void decide();

  group_admission::settings wanted_;
  group_admission admission_;
  admitted_function admitted_;
  bool done_ = false;
};

} // namespace atl::node
