#pragma once

#include <atoll/core/dispatch_types.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/node/config_errors.hpp>
#include <atoll/node/plugin_host.hpp>
#include <atoll/node/plugin_section.hpp>
#include <atoll/runtime/dispatcher.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace atl::node {

/// A table of a node's file that describes a dispatcher: `[workers]` with `balancer`, `options`,
/// `queue`, `overflow`, `deadline`, `retries`, `hedge_after`, `eject_after` and others. Belongs to
/// the role that owns the dispatcher.
struct dispatcher_section {
  std::string table; ///< `workers`
  std::string default_balancer{"power_of_two"};

  /// For the application's list of plugins: they name the keys `balancer` and `options`.
  plugin_section plugin() const;
};

/// The keys of the table besides those of its plugin, for `role::keys`.
std::vector<key_spec> dispatcher_keys(const dispatcher_section& section);

/// What the table says.
struct dispatcher_config {
  dispatch_options options{};
  std::chrono::microseconds deadline{0};
  bool repeatable = false;
  std::chrono::milliseconds balancer_timeout{0}; ///< 0: calls of the balancer aren't watched
};
/// Adds what the schema doesn't find to `problems`, for `role::check`.
dispatcher_config read_dispatcher(const config& config, const dispatcher_section& section,
                                  config_errors& problems);

/// All that a `runtime::dispatcher` needs, without connections.
/// @param name of the dispatcher, for the log
/// @pre `read_dispatcher` found no problems. Errors: those of the plugin.
result<runtime::dispatcher::settings> make_dispatcher(const config& config,
                                                      const dispatcher_section& section,
                                                      const plugin_host& plugins, std::string name,
                                                      std::uint64_t seed);

} // namespace atl::node
