#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace dfs::cli {

/// What is done with all that is in a local folder. `relative` is the path from that folder.
struct tree_visitor {
  /// Before what is in a folder. @returns false to pass over it.
  std::function<bool(const std::string& relative)> folder;
  std::function<void(const std::string& path, const std::string& relative, std::uint64_t bytes)>
      file;
  /// What is neither a file nor a folder.
  std::function<void(const std::string& path)> other;
  /// What can't be looked at, and a link that leads back to a folder around it.
  std::function<void(const atl::error& problem)> problem;
  /// Asked before each entry. @returns true to end the walk.
  std::function<bool()> stop;
};

/// Walks through a local folder in the order of the names, and follows symbolic links. What can't
/// be looked at ends nothing but itself.
void walk_tree(const std::string& folder, const tree_visitor& visitor);

} // namespace dfs::cli
