#pragma once

#include <atoll/node/application.hpp>

namespace dfs {

/// The program of a DFS node: its two roles, and what its TOML file may say.
atl::node::application make_application();

} // namespace dfs
