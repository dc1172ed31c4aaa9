#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_file.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace atl {

/// The folder of the plugins that are installed with this program, relative to the program itself.
/// If there is no such folder, and `find_package(Atoll)` linked the program: the folder of the
/// plugins of that Atoll.
std::filesystem::path installed_plugins();

/// Finds plugins by name along a list of folders. Keeps nothing between calls. Thread-safe.
class plugin_loader {
 public:
  /// @param search_path absolute folders, searched in order. Neither the working directory nor the
  ///        environment is ever looked at.
  explicit plugin_loader(std::vector<std::filesystem::path> search_path = {installed_plugins()});

  const std::vector<std::filesystem::path>& search_path() const { return search_path_; }

  /// All files along the path, in its order and then by file name, without subfolders. A file that
  /// may not be loaded has a refusal: a folder that can't be searched, a file that isn't a plugin,
  /// both of two plugins with the same kind and name. Runs no code of the files.
  std::vector<plugin_file> list() const;

  /// The plugin of that kind and name. The error says what was looked for, where, what was found
  /// instead and what to do; a file that is refused is refused before any of its code is mapped.
  /// @param observer as of `open_plugin`.
  result<std::shared_ptr<const plugin>> load(spi::plugin_kind kind, std::string_view name,
                                             const load_observer& observer = {}) const;

  /// The plugin of that name, if only one kind has one.
  result<std::shared_ptr<const plugin>> load(std::string_view name,
                                             const load_observer& observer = {}) const;

 private:
  result<plugin_file> select(std::optional<spi::plugin_kind> kind, std::string_view name) const;

  std::vector<std::filesystem::path> search_path_;
};

} // namespace atl
