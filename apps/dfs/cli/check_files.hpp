#pragma once

#include "cli/context.hpp"

#include <string>
#include <vector>

namespace dfs::cli {

struct file_check_arguments {
  std::vector<std::string> paths; ///< files, and directories with all files below
  bool deep = false;   ///< nodes read each fragment whole, instead of only looking for it
  bool repair = false; ///< wait until what can be repaired is
};

/// Asks the storage nodes for the fragments of files, and judges the chunks.
/// @returns `failed` if something was not in order; with `repair`, if something still isn't
int check_files(context& with, const file_check_arguments& what);

} // namespace dfs::cli
