#pragma once

#include <atoll/core/config_value.hpp>
#include <atoll/core/error.hpp>

#include <string>
#include <string_view>

namespace atl::compare {

/// A plugin as a file names it.
struct strategy_file {
  std::string plugin;
  config_location where; ///< of the plugin's name
  config_table options;  ///< as written
};

/// Reads which balancer a TOML file names: `[balancer]` with `plugin` and `options`; or, in the
/// file of a cluster, the section of this name with `balancer` and `options`. Errors cite
/// `origin:line:column`.
/// @param origin the file's name, for messages
/// @param section if empty, the file has the section `[balancer]` only
result<strategy_file> parse_strategy(std::string_view text, std::string_view origin,
                                     std::string_view section);

/// Reads which recovery scheme a TOML file names: `[recovery]` with `plugin` and `options`.
result<strategy_file> parse_recovery_strategy(std::string_view text, std::string_view origin);

} // namespace atl::compare
