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

/// Reads a file of the cluster into a local file, which appears when it is complete. With
/// `get_arguments::resume`, reading goes on where an earlier call stopped. @returns the size of the
/// local file in bytes, including what an earlier call has read.
atl::result<std::uint64_t> get_into_file(const context& with, file_client& files,
                                         const get_arguments& what, const download_spec& file,
                                         const progress_report& progress);

} // namespace dfs::cli
