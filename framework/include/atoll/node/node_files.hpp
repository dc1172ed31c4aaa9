#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/node/cluster_config.hpp>
#include <atoll/node/node_config.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

/// Reads the files of a configs folder that describe nodes.
namespace atl::node {

/// A key that a node's file or one that it includes sets, and its value as written in TOML.
struct written_key {
  std::string key;
  std::string value;

  friend bool operator==(const written_key&, const written_key&) = default;
};

/// A node of a configs folder, as a process of this machine.
struct local_node {
  std::string name;
  std::filesystem::path config; ///< absolute
  std::filesystem::path log;    ///< the file that gets its standard error
  std::filesystem::path pid_file;
  std::vector<std::string> roles{};
  std::vector<written_key> configuration{};  ///< the keys that its file and included files set
  std::vector<std::filesystem::path> data{}; ///< its data folders, one on each disk
  std::filesystem::path secret_file{};       ///< of its cluster, even if it doesn't exist
  bool has_secret = false;                   ///< that file exists

  bool has_role(std::string_view role) const;
};

/// An address of a node, and what says it: `node.bulk`.
struct node_address {
  std::string key;
  endpoint where;
};

/// What an application says about a node from its file.
struct node_description {
  node_config self;
  cluster_config cluster;
  std::vector<node_address> listens;    ///< where it listens
  std::vector<node_address> advertised; ///< where others find it
};

/// How an application's node files are read.
struct node_file_format {
  std::vector<key_spec> schema;
  /// Checks the configuration beyond the schema.
  std::function<result<node_description>(const config&)> describe;
};

/// Every file in `folder` that describes a node, in the order of the file names.
/// @returns errc::not_found if there is none; errc::invalid with all their mistakes, also for two
/// nodes that can't run on one machine because they share a name, data folder or address.
result<std::vector<local_node>> nodes_in(const std::filesystem::path& folder,
                                         const node_file_format& format);

/// Reads only the nodes' names, for stopping nodes: a running node must be stoppable even if its
/// file has become invalid.
result<std::vector<local_node>> unchecked_nodes_in(const std::filesystem::path& folder);

/// Describes the node of a file as far as possible; the file may be invalid or gone.
local_node unchecked_node(const std::filesystem::path& file);

/// Absolute and without `.`, `..` and a slash at the end.
std::filesystem::path absolute_path(const std::filesystem::path& path);

/// The differences between two configurations, for a message: `node.weight was 1.0 and is
/// 2.0`. Empty when they are the same.
std::string describe_changes(const std::vector<written_key>& before,
                             const std::vector<written_key>& now);

} // namespace atl::node
