#pragma once

#include "node/node.hpp"

#include <atoll/core/group_birth.hpp>
#include <atoll/core/group_folder.hpp>
#include <atoll/core/identity.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/actor.hpp>

#include <memory>
#include <mutex>

namespace dfs {

/// The master role of a node: its actors and its replica. A master whose log is bound to a group
/// starts its replica at once; otherwise the replica starts when the master founds or joins a group
/// (`admission_actor`).
class master_role {
 public:
  /// The arguments must outlive the object. @param folder is used under `folder_mutex`.
  /// @param connections of the node
  /// @param endpoint of the node; gets `adopt_role`
  /// @param supervisor gets `node_failure`.
  master_role(const node::parts& given, atl::data_folder& folder, std::mutex& folder_mutex,
              atl::runtime::system& actors,
              std::shared_ptr<atl::runtime::peer_connections> connections, caf::actor endpoint,
              caf::actor supervisor);

  /// Opens the log, and starts the actors.
  atl::status start();
  /// Tells all actors to end. They have ended once the actor system has no actors.
  void stop();

 private:
  using replica_settings = atl::runtime::replica_actor::settings;

  atl::status start_replica(const atl::record_log::binding& bound);
  atl::result<std::string> find_group();
  atl::status open_log(atl::group_folder at);
  atl::status make_log(const atl::record_log::binding& bound);
  atl::status start_admission();
  void join(const atl::group_birth& birth, atl::spi::replica_id self);
  atl::status check_against(const atl::group_birth& birth) const;
  std::filesystem::path ballast_file() const;
  atl::result<std::shared_ptr<atl::state_machine>> open_names(const atl::group_birth& birth);
  atl::status start_actors(replica_settings settings, const atl::group_birth& birth);

  const node::parts& given_;
  atl::data_folder& folder_;
  std::mutex& folder_mutex_;
  atl::runtime::system& actors_;
  caf::actor supervisor_;
  std::shared_ptr<atl::runtime::peer_connections> connections_;
  atl::runtime::role_info role_;
  atl::group_folder paths_; ///< of the master's group, once it belongs to one
  std::shared_ptr<atl::record_log> log_;
  std::mutex mutex_; ///< of what follows: a group is joined by an actor's thread
  bool stopping_ = false;
  caf::actor endpoint_;
  caf::actor admission_;
  caf::actor replica_;
  caf::actor master_;
};

} // namespace dfs
