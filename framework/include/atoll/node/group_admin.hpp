#pragma once

#include <atoll/core/error.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/group_overview.hpp>
#include <atoll/node/service_description.hpp>
#include <atoll/runtime/service_client.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

/// What an operator does to a service's group: let members in and go, move the lead. Each step asks
/// the group first, and may be repeated after a failure: it goes on from where it was. Not
/// thread-safe.
class group_admin {
 public:
  struct settings {
    service_description service;
    std::vector<member_config> configured; ///< as the cluster's file names them
    /// Gets a sentence on each step that is done.
    std::function<void(std::string_view)> say;
    /// Gets a sentence when something takes longer.
    std::function<void(std::string_view)> note;
  };

  /// @param client of the service; must outlive this object
  group_admin(runtime::service_client& client, settings given);

  result<group_overview> overview();

  /// Lets a member in that the cluster's file names and that answers: it learns everything first,
  /// then votes. @param learning_max how long it may learn
  status add(const std::string& name, std::chrono::seconds learning_max);
  /// Lets a member whose disk was lost come back with an empty one, under a new id, since what the
  /// former disk promised is gone. Its node waits for that, on the empty disk.
  status replace(const std::string& name, std::chrono::seconds learning_max);
  /// Lets a member go, alive or lost.
  /// @param lost the operator's word that its disk is gone, and never comes back
  status remove(const std::string& name, bool lost);
  /// Lets a member lead.
  status lead(const std::string& name);

 private:
  using replica_ids = std::vector<spi::replica_id>;
  struct subject {
    spi::replica_id id = 0;
    group_overview group;
  };

  result<subject> look_up(const std::string& name);
  result<group_status> ask(const std::string& name);
  result<spi::replica_id> admit(const std::string& name, spi::replica_id id);
  status change_members(const replica_ids& voters, const replica_ids& learners,
                        const replica_ids& lost = {});
  status remove_lost(const replica_ids& voters, const replica_ids& learners, spi::replica_id lost);
  status wait_until_it_answers(const std::string& name);
  status wait_until_learnt(const std::string& name, std::chrono::seconds learning_max);
  status promote(const std::string& name, spi::replica_id id, replica_ids voters,
                 replica_ids learners, std::chrono::seconds learning_max);
  status transfer_leadership(spi::replica_id to);
  std::string command(std::string_view verb, const std::string& name) const;

  runtime::service_client& client_;
  settings settings_;
};

} // namespace atl::node
