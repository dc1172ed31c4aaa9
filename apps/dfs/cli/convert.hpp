#pragma once

#include "cli/context.hpp"

#include <string>

namespace dfs::cli {

/// Has a file or a directory stored as the policies of its directories say. Says nothing unless it
/// fails. @returns the exit code
int begin_conversion(context& with, const std::string& path);

} // namespace dfs::cli
