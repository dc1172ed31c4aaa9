#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/node/plugin_section.hpp>
#include <atoll/node/role.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace atl::node {

/// What makes a program of nodes out of the framework: the roles, and what a TOML file may say.
struct application {
  /// Recorded in data folders: the folder of another application is refused. Never change it.
  std::string name;        ///< `dfs`
  std::string program;     ///< `dfsd`
  std::string version;     ///< `1.2.0`
  std::string description; ///< one paragraph or more for `--help`

  /// The keys that nodes and clients of a cluster share, beside those of each cluster
  /// (`cluster_keys`).
  std::vector<key_spec> keys;
  /// Where the configuration chooses plugins. Each node loads all of them.
  std::vector<plugin_section> plugins;
  std::vector<std::shared_ptr<role>> roles;
  /// The end of a message to an operator whose node has lost a disk: how the node is replaced.
  std::function<std::string(const std::string& node)> replace_advice;

  /// Checks what the schema can't. Empty: nothing.
  /// @returns an error that names all mistakes, a line each.
  std::function<status(const config&)> check;
  /// Registers the application's messages with CAF, before the actor system starts. Empty: there
  /// are none.
  std::function<void()> register_messages;
};

/// All keys that a node's file may have.
std::vector<key_spec> schema_of(const application& application);

/// The program of a node: reads the command line and the node's file, loads the plugins, starts the
/// roles, and runs until a signal or a failure stops it. `--help` describes the command line.
/// @returns the exit code: 0, 1 if the node could not start or its last role failed, 2 for a
/// mistake on the command line.
int node_main(int argc, char** argv, const application& application);

} // namespace atl::node
