#pragma once

#include "settings/settings.hpp"

#include <atoll/core/group_birth.hpp>
#include <atoll/core/group_folder.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/node/node_context.hpp>
#include <atoll/node/role.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>

#include <memory>
#include <mutex>

namespace dfs {

/// Takes part in the masters' group. A master whose log is bound to a group starts its replica at
/// once; otherwise the replica starts when the master founds or joins a group (`admission_actor`).
class master_role : public atl::node::role {
 public:
  std::string_view name() const override { return master_role_name; }
  std::vector<atl::key_spec> keys() const override { return master_keys(); }
  /// Opens the log, and starts the actors.
  atl::status start(atl::node::node_context& node) override;
  void stop() override;
  atl::node::role_health health() const override;

 private:
  using replica_settings = atl::runtime::replica_actor::settings;

  atl::result<std::string> find_group();
  atl::status open_log(atl::group_folder at);
  atl::status make_log(const atl::record_log::binding& bound);
  atl::status start_replica(const atl::record_log::binding& bound);
  atl::status start_admission();
  void join(const atl::group_birth& birth, atl::spi::replica_id self);
  atl::status check_against(const atl::group_birth& birth) const;
  std::filesystem::path ballast_file() const;
  atl::result<std::shared_ptr<atl::state_machine>> open_names(const atl::group_birth& birth);
  atl::status start_actors(replica_settings settings, const atl::group_birth& birth);

  atl::node::node_context* node_ = nullptr;
  cluster_settings cluster_;
  node_settings self_;
  atl::runtime::role_info role_;
  atl::group_folder paths_; ///< of the master's group, once it belongs to one
  std::shared_ptr<atl::record_log> log_;
  mutable std::mutex mutex_; ///< of what follows: a group is joined by an actor's thread
  bool stopping_ = false;
  caf::actor admission_;
  caf::actor replica_;
  caf::actor master_;
};

} // namespace dfs
