#pragma once

#include <atoll/core/logging.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/node/config_errors.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace atl::node {

/// The settings of a node, whatever its roles are.
struct node_config {
  std::string name;
  std::vector<std::string> roles; ///< each once, in the order of the file
  std::filesystem::path data;     ///< absolute; of several the first, see `data_folders`
  std::uint32_t threads = 1;
  log::level log_level = log::level::info;

  bool has_role(std::string_view role) const;
};

/// `node.*`, as far as each node has them.
/// @param roles the names of all roles that the application registers
std::vector<key_spec> node_keys(const std::vector<std::string>& roles);

node_config read_node_config(const config& config, config_errors& problems);

} // namespace atl::node
