#pragma once

#include "cli/cluster_status.hpp"

#include <string>

namespace dfs::cli {

/// For people.
std::string status_text(const cluster_status& status);

} // namespace dfs::cli
