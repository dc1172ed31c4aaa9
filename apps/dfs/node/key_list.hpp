#pragma once

#include <atoll/core/toml_config.hpp>

#include <span>
#include <string>

namespace dfs {

/// Every key that a file may have, for people: what it takes, its default, and what it means.
std::string key_list(std::span<const atl::key_spec> schema);

} // namespace dfs
