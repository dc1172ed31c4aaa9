#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace dfs::cli {

/// The functions to call for the entries of a local folder. `relative` is the path from that
/// folder.
struct tree_visitor {
  /// Called for a folder before its entries. @returns false to skip the folder.
  std::function<bool(const std::string& relative)> folder;
  std::function<void(const std::string& path, const std::string& relative, std::uint64_t bytes)>
      file;
  /// Called for an entry that is neither a file nor a folder, and for a symbolic link that isn't
  /// followed.
  std::function<void(const std::string& path, const std::string& relative)> other;
  /// Called for an entry that can't be examined, and for a link to a folder on its own path.
  std::function<void(const atl::error& problem)> problem;
  /// Called before each entry. @returns true to end the walk.
  std::function<bool()> stop;
  bool follows_links = true;
};

/// Walks through a local folder in the order of the names. An entry that can't be examined doesn't
/// end the walk.
void walk_tree(const std::string& folder, const tree_visitor& visitor);

} // namespace dfs::cli
