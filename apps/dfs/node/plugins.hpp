#pragma once

#include "common/protocol.hpp"
#include "node/settings.hpp"

#include <atoll/core/plugin.hpp>
#include <atoll/core/plugin_loader.hpp>

#include <memory>

namespace dfs {

/// A plugin that was found, with its options complete.
struct loaded_plugin {
  std::shared_ptr<const atl::plugin> plugin;
  atl::spi::options options;

  protocol::plugin_choice choice() const;
  /// `two_phase_commit 1.0.0 {heartbeat = "100ms", …}`: two nodes that print the same run the same.
  std::string text() const;
  /// The same without the version: what must stay as it is while stored data is to be read.
  std::string lasting_text() const;

 private:
  std::string options_text() const;
};

struct loaded_plugins {
  loaded_plugin consensus;
  loaded_plugin placement;
  loaded_plugin reads;
  loaded_plugin recovery;
};

/// The search path that the configuration names, or the plugins that came with the program.
atl::plugin_loader make_loader(const cluster_settings& cluster);

/// Loads everything that the configuration chooses, and checks all options, before anything starts.
/// @returns an error that names all that is wrong.
atl::result<loaded_plugins> load_plugins(const atl::config& config,
                                         const cluster_settings& cluster);

} // namespace dfs
