#pragma once

#include "cli/commands.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>

namespace dfs::cli {

/// A file to be read.
struct download_spec {
  const std::string& remote;
  const responses::entry& entry; ///< what the masters said of it
  const std::string& local;      ///< where to
  const byte_range& part;        ///< of the content
};

/// Reads a file of the cluster into a local one, which appears when it is complete. With
/// `get_arguments::resume` it goes on with what was read before. @returns the file's bytes, with
/// those that were there before.
atl::result<std::uint64_t> get_into_file(const context& with, file_client& files,
                                         const get_arguments& what, const download_spec& file,
                                         const progress_report& progress);

} // namespace dfs::cli
