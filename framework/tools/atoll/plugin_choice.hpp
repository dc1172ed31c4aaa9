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

/// The plugin that a command line names.
struct plugin_choice {
  std::string name; ///< the name, or a path of the file
  std::vector<std::string> folders;
  std::vector<std::string> options; ///< KEY=VALUE
};

using loaded_plugin = atl::result<std::shared_ptr<const atl::plugin>>;

/// Adds the argument PLUGIN, `--option` and `--path`.
void add_plugin_choice(CLI::App& command, plugin_choice& choice);

/// A loader for these folders; without any, for the plugins that are installed with the program.
atl::plugin_loader make_loader(const std::vector<std::string>& folders);

/// Loads the plugin in a child process first: a library that crashes, hangs or ends its process
/// while it loads then causes an error and does not end the tool.
loaded_plugin load_guarded(const std::function<loaded_plugin(const atl::load_observer&)>& load);

/// Loads the plugin with `load_guarded`: from a file if the name looks like a path, otherwise by
/// its name. Without a kind, a plugin of any kind.
loaded_plugin find_plugin(const plugin_choice& choice,
                          std::optional<atl::spi::plugin_kind> kind = {});

/// The text in single quotes, so that a shell reads one word.
std::string shell_quoted(const std::string& text);
/// The same, but without quotes if a shell needs none.
std::string shell_word(const std::string& text);
/// The choice's ` --path FOLDER`s, for a command that is printed.
std::string path_words(const plugin_choice& choice);

/// The complete options, from KEY=VALUE texts with values as in TOML; the quotes of texts may be
/// left out.
atl::result<atl::spi::options> chosen_options(const atl::plugin& plugin,
                                              const std::vector<std::string>& options);
