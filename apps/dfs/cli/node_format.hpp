#pragma once

#include <atoll/node/node_files.hpp>

namespace dfs::cli {

/// How the files of DFS's nodes are read.
atl::node::node_file_format node_format();

} // namespace dfs::cli
