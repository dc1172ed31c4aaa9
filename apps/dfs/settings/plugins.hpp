#pragma once

#include "common/master_protocol.hpp"
#include "settings/settings.hpp"

#include <atoll/core/consensus_identity.hpp>
#include <atoll/core/guarded_run.hpp>
#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_loader.hpp>

#include <memory>

namespace dfs {

/// A plugin that was found, with its options complete.
struct loaded_plugin {
  std::shared_ptr<const atl::plugin> plugin;
  atl::spi::options options;
  std::string place; ///< where it is configured: `node.toml:3:10: consensus.plugin`

  // These create an instance with the options. The error begins with `place`.
  atl::result<std::shared_ptr<atl::spi::balancer>> create_balancer(std::uint64_t seed) const;
  /// @param setup its options are replaced by these.
  atl::result<std::shared_ptr<atl::spi::consensus>>
  create_consensus(const atl::spi::consensus_setup& setup) const;
  atl::result<std::shared_ptr<atl::spi::recovery>> create_recovery() const;

  protocol::plugin_choice choice() const;
  /// `two_phase_commit 1.0.0 {heartbeat = "100ms", …}`, for people.
  std::string text() const;
  /// What the other members of a group compare with theirs.
  atl::consensus_identity identity() const;
  /// The options without the version: they must not change while stored data is needed.
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

/// Loads all configured plugins and checks their options.
/// @param announce is called before any code of a library runs.
/// @returns an error that names all mistakes.
atl::result<loaded_plugins> load_plugins(const atl::config& config, const cluster_settings& cluster,
                                         const atl::announce_step& announce);

/// Creates each balancer and the recovery scheme once, as nodes and clients will.
/// @returns an error that names everything that the factories refuse.
atl::status try_plugins(const loaded_plugins& plugins, const atl::announce_step& announce);

/// The same for the protocol, as the first founding master would create it. A master whose group
/// has changed creates the protocol for other voters, so only `dfsd --check` does this.
atl::status try_consensus(const loaded_plugins& plugins, const cluster_settings& cluster,
                          const atl::announce_step& announce);

} // namespace dfs
