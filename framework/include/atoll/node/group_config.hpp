#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/node/config_errors.hpp>
#include <atoll/spi/consensus.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

/// A member of a replicated group, as the configuration names it.
struct member_config {
  spi::replica_id id = 0;
  std::string name;
  endpoint address;
  bool joins = false; ///< not among the founders of the group
};

/// The members of a group: an array of tables, `[[masters]]` say.
/// @param array the array's name
std::vector<key_spec> group_keys(std::string_view array);

/// Ids, names and addresses must differ, and at least one member must found the group.
std::vector<member_config> read_group(const config& config, std::string_view array,
                                      config_errors& problems);

} // namespace atl::node
