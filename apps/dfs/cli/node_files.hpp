#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>
#include <string>
#include <vector>

/// Reads the files of a configs folder that describe nodes.
namespace dfs {

/// A key that a node's file or one that it includes sets, and its value as written in TOML.
struct written_key {
  std::string key;
  std::string value;

  friend bool operator==(const written_key&, const written_key&) = default;
};

/// A node of a configs folder, as a process of this machine.
struct local_node {
  std::string name;
  bool is_storage = false;
  std::filesystem::path config; ///< absolute
  std::filesystem::path log;    ///< the file that gets its standard error
  std::filesystem::path pid_file;
  std::vector<written_key> configuration{}; ///< the keys that its file and included files set
  bool is_master = false;
  std::filesystem::path data{};        ///< its data folder
  std::filesystem::path secret_file{}; ///< of its cluster, even if it doesn't exist
  bool has_secret = false;             ///< that file exists
};

/// Every file in `folder` that describes a node, in the order of the file names.
/// @returns errc::not_found if there is none; errc::invalid with all their mistakes, also for two
/// nodes that can't run on one machine because they share a name, data folder or address.
atl::result<std::vector<local_node>> nodes_in(const std::filesystem::path& folder);

/// Reads only the nodes' names, for stopping nodes: a running node must be stoppable even if its
/// file has become invalid.
atl::result<std::vector<local_node>> unchecked_nodes_in(const std::filesystem::path& folder);

/// Describes the node of a file as far as possible; the file may be invalid or gone.
local_node unchecked_node(const std::filesystem::path& file);

/// Absolute and without `.`, `..` and a slash at the end.
std::filesystem::path absolute_path(const std::filesystem::path& path);

/// The differences between two configurations, for a message: `node.weight was 1.0 and is
/// 2.0`. Empty when they are the same.
std::string describe_changes(const std::vector<written_key>& before,
                             const std::vector<written_key>& now);

} // namespace dfs
