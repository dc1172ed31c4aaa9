#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/plugin.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The plugin that a command line is about.
struct plugin_choice {
  std::string name; ///< or file
  std::vector<std::string> folders;
  std::vector<std::string> options; ///< KEY=VALUE
};

/// Adds the argument PLUGIN, `--option` and `--path`.
void add_plugin_choice(CLI::App& command, plugin_choice& choice);

/// Loads it: a file when the name looks like one, else the plugin of that name. Without a kind, of
/// whatever kind there is one.
atl::result<std::shared_ptr<const atl::plugin>>
find_plugin(const plugin_choice& choice, std::optional<atl::spi::plugin_kind> kind = {});

/// The complete options, from KEY=VALUE as it would stand in TOML; quotes may be left out where a
/// shell would eat them.
atl::result<atl::spi::options> chosen_options(const atl::plugin& plugin,
                                              const std::vector<std::string>& options);
