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

/// The plugin as named on the command line, for the commands that a report prints.
struct plugin_words {
  std::string plugin;               ///< `raft --path DIR`, quoted for a shell; empty: its name
  std::vector<std::string> options; ///< as given on the command line, KEY=VALUE
};

/// Extent of a verification.
struct effort {
  std::uint64_t seeds = 2'000;
  std::uint64_t first = 1;
  unsigned jobs = 1;          ///< number of threads
  bool stop_at_first = false; ///< stop after the first broken property
  /// A plugin that reports no progress for this time counts as hanging.
  std::chrono::seconds idle_timeout{300};
  plugin_words words;
  /// Called a few times per second by `verify`, in the caller's process, while seeds run.
  /// @param done share of the planned runs, from 0 to 1
  std::function<void(double done)> on_progress;
};

/// Checks a plugin against the interface of its kind and its own claims. The plugin runs in a child
/// process, so a crash or a hang is a finding.
/// @param options complete, as `plugin::check_options` returns them.
report verify(const plugin& it, const spi::options& options, const effort& how);

/// The same in this process, for tests of the verifier: a crash of the plugin is not caught.
report verify_here(const spi::descriptor& it, const spi::options& options, const effort& how);

/// Creates what the plugin is for with these options, and destroys it; of a protocol, a replica in
/// groups of all sizes that a simulated group may have. An error when the plugin refuses the
/// options (a protocol, for every size) or its creator fails otherwise: the message names the
/// plugin and says why.
status try_to_create(const plugin& it, const spi::options& options);

} // namespace atl::verify
