#pragma once

#include <atoll/core/toml_config.hpp>

#include <span>
#include <string>

namespace atl::node {

/// A list of all configuration keys for people: values, default and meaning of each.
std::string key_list(std::span<const key_spec> schema);

} // namespace atl::node
