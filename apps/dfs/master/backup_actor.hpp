#pragma once

#include "master/names_backup.hpp"

#include <atoll/runtime/envelope.hpp>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

namespace dfs {

/// Answers requests for a backup of a master's name space. Reads the disk, so it has a thread of
/// its own.
class backup_actor final : public caf::event_based_actor {
 public:
  /// @param replica makes the copies
  backup_actor(caf::actor_config& config, names_backup::settings given, caf::actor replica);
  caf::behavior make_behavior() override;
  void on_exit() override { replica_ = nullptr; }
  const char* name() const override { return "dfs.backup"; }

 private:
  atl::runtime::envelope on_request(const atl::runtime::envelope& message);
  void copy_names();

  names_backup backup_;
  caf::actor replica_;
};

} // namespace dfs
