#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_loader.hpp>

#include <CLI/CLI.hpp>

#include <functional>
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

using loaded_plugin = atl::result<std::shared_ptr<const atl::plugin>>;

/// Adds the argument PLUGIN, `--option` and `--path`.
void add_plugin_choice(CLI::App& command, plugin_choice& choice);

/// Of these folders; without any, of the plugins that came with the program.
atl::plugin_loader make_loader(const std::vector<std::string>& folders);

/// Loads in a process of its own first: a library that crashes, hangs or ends its process while it
/// loads is an error like others, and not the end of the tool.
loaded_plugin load_guarded(const std::function<loaded_plugin(const atl::load_observer&)>& load);

/// Loads the plugin, so guarded: a file when the name looks like one, else the plugin of that name.
/// Without a kind, of whatever kind there is one.
loaded_plugin find_plugin(const plugin_choice& choice,
                          std::optional<atl::spi::plugin_kind> kind = {});

/// The text in single quotes, so that a shell reads one word.
std::string shell_quoted(const std::string& text);
/// The same; without quotes where a shell needs none.
std::string shell_word(const std::string& text);
/// The choice's ` --path FOLDER`s, for a command that is printed.
std::string path_words(const plugin_choice& choice);

/// The complete options, from KEY=VALUE as it would stand in TOML; quotes may be left out where a
/// shell would eat them.
atl::result<atl::spi::options> chosen_options(const atl::plugin& plugin,
                                              const std::vector<std::string>& options);
