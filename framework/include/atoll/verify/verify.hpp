#pragma once

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/spi/options.hpp>
#include <atoll/verify/report.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace atl::verify {

/// How a command line names the plugin, for the commands that a report prints.
struct plugin_words {
  std::string plugin;               ///< `raft --path DIR`, quoted for a shell; empty: its name
  std::vector<std::string> options; ///< as given on the command line, KEY=VALUE
};

/// How hard to look.
struct effort {
  std::uint64_t seeds = 2'000;
  std::uint64_t first = 1;
  unsigned jobs = 1;          ///< threads
  bool stop_at_first = false; ///< once something is broken, the rest isn't tried
  /// A plugin that says nothing for so long hangs.
  std::chrono::seconds patience{300};
  plugin_words words;
  /// Called a few times a second by `verify`, in the caller's process, while a plugin is driven
  /// through seeds. @param done share of them, from 0 to 1
  std::function<void(double done)> on_progress;
};

/// Holds a plugin to what its kind's interface and its claims promise. The plugin runs in a child
/// process, so that one that crashes or hangs is a finding and not the end.
/// @param options complete, as `plugin::check_options` gives them.
report verify(const plugin& it, const spi::options& options, const effort& how);

/// The same in this process, for tests of the kit itself: what crashes, crashes.
report verify_here(const spi::descriptor& it, const spi::options& options, const effort& how);

/// Creates what the plugin is for with these options, and destroys it; of a protocol, a replica in
/// groups of all sizes that a simulated group may have. An error when the plugin refuses the
/// options (a protocol, for every size) or its creator fails otherwise: the message names the
/// plugin and says why.
status try_to_create(const plugin& it, const spi::options& options);

} // namespace atl::verify
