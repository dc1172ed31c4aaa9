#pragma once

#include "cli/context.hpp"

#include <string>

namespace dfs::cli {

/// Writes a backup of the name space into a local file, while the cluster goes on.
int back_up_names(context& with, const std::string& file);

} // namespace dfs::cli
