#pragma once

#include <atoll/core/toml_config.hpp>
#include <atoll/spi/plugin.hpp>

#include <string>
#include <vector>

namespace atl::node {

/// A place in the configuration that chooses a plugin: `consensus.plugin = "raft"`, with the
/// plugin's options in the same table, `consensus.options = { … }`.
struct plugin_section {
  std::string key; ///< the key that names the plugin: `consensus.plugin`
  spi::plugin_kind kind = spi::plugin_kind::balancer;
  std::string default_name; ///< empty: the key must be written
  std::string meaning;      ///< of the plugin, one sentence
  std::string options_meaning{"What the plugin lets you set."};

  /// The table: `consensus`.
  std::string table() const;
  /// `consensus.options`.
  std::string options_key() const;
};

/// The two keys of a section.
std::vector<key_spec> plugin_keys(const plugin_section& section);

} // namespace atl::node
