#pragma once

#include <atoll/core/consensus_identity.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/guarded_run.hpp>
#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_loader.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/node/plugin_section.hpp>
#include <atoll/runtime/node_status.hpp>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

/// A plugin that the configuration chooses: found, loaded, and with its options complete.
/// Immutable; to be read by any thread.
struct chosen_plugin {
  plugin_section section;
  std::shared_ptr<const atl::plugin> plugin;
  spi::options options;
  std::string place; ///< where it is configured: `node.toml:3:10: consensus.plugin`

  // These create an instance with the options. The error begins with `place`.
  result<std::shared_ptr<spi::balancer>> create_balancer(std::uint64_t seed) const;
  /// @param setup its options are replaced by these.
  result<std::shared_ptr<spi::consensus>> create_consensus(const spi::consensus_setup& setup) const;
  result<std::shared_ptr<spi::recovery>> create_recovery() const;

  /// `two_phase_commit 1.0.0 {heartbeat = "100ms", …}`, for people.
  std::string text() const;
  /// Of a consensus plugin: what the other members of a group compare with theirs.
  consensus_identity identity() const;
  /// The options without the version: they must not change while stored data is needed.
  std::string lasting_text() const;

 private:
  std::string options_text() const;
};

/// The search path that the configuration names, or the plugins that came with the program.
plugin_loader make_loader(const std::vector<std::filesystem::path>& path);

/// The plugins that a node's configuration chooses, loaded and checked. Immutable; to be read by
/// any thread.
class plugin_host {
 public:
  /// Loads the plugins of all sections, and checks their options.
  /// @param announce is called before any code of a library runs.
  /// @returns an error that names all mistakes.
  static result<plugin_host> load(const config& config, std::span<const plugin_section> sections,
                                  const std::vector<std::filesystem::path>& path,
                                  const announce_step& announce);

  /// Creates each balancer and each recovery scheme once, as nodes and clients will. A protocol is
  /// created for a group, so its role tries it.
  /// @returns an error that names everything that the factories refuse.
  status try_each(const announce_step& announce) const;

  /// @pre `key` is that of a section, for example `consensus.plugin`.
  const chosen_plugin& at(std::string_view key) const;
  const std::vector<chosen_plugin>& all() const { return plugins_; }

  /// What a node tells others about its plugins. Reads the libraries' files.
  std::vector<runtime::plugin_entry> inventory() const;

 private:
  std::vector<chosen_plugin> plugins_;
};

/// Creates a protocol once, for the group of `voters`, as `--check` does it.
status try_consensus(const chosen_plugin& consensus, const std::vector<spi::replica_id>& voters,
                     const announce_step& announce);

} // namespace atl::node
