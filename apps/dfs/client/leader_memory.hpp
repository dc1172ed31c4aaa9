#pragma once

#include "settings/settings.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace dfs {

/// Remembers between two runs of a program which master answered last, in a small file of the user,
/// so that the next run tries that master first. The file is a hint and never trusted: what it says
/// counts only if it is the address of a master of the settings. Failures to read or write are
/// silent.
class leader_memory {
 public:
  /// @param folder of the files, one for each cluster; empty: nothing is remembered
  leader_memory(const std::filesystem::path& folder, const cluster_settings& cluster);

  /// `$XDG_CACHE_HOME/atoll/leaders`, or `~/.cache/atoll/leaders`; empty without an absolute path
  /// in either variable.
  static std::filesystem::path default_folder();

  /// The address of a master, as in the settings; empty: none is known.
  std::string recall() const;
  /// Ignores an address that isn't one of the settings. Replaces the file in one step, and only if
  /// its content changes.
  void remember(const std::string& address) const;

 private:
  std::filesystem::path file_; ///< empty: nothing is remembered
  std::vector<std::string> addresses_;
};

} // namespace dfs
