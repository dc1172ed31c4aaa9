#pragma once

#include "cli/context.hpp"

#include <string>
#include <vector>

namespace dfs::cli {

/// Has the storage nodes read all fragments of these files, and of the files below these
/// directories, and compare them with their checksums. @returns the exit code of `dfs scrub`.
int scrub_files(context& with, const std::vector<std::string>& paths);

} // namespace dfs::cli
