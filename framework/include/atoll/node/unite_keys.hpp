#pragma once

#include <atoll/core/toml_config.hpp>

#include <vector>

namespace atl::node {

/// One schema of several: each key once, as the first list has it.
std::vector<key_spec> unite_keys(const std::vector<std::vector<key_spec>>& lists);

} // namespace atl::node
