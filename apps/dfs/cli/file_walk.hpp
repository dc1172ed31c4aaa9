#pragma once

#include "client/control.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::cli {

/// Finds all files at and below paths, one after the other, in the order of their names. A path
/// that can't be read is reported, and the walk goes on.
class file_walk {
 public:
  using visitor = std::function<atl::status(const std::string& path)>;

  /// @param each is called for a file; its error is reported
  file_walk(control& masters, visitor each) : masters_{masters}, each_{std::move(each)} {}

  void walk(const std::string& path);
  /// The exit code of the first path that could not be read; `done`: all could.
  int exit_code() const { return code_; }

 private:
  void note(const atl::error& problem);
  void note(const atl::status& outcome);
  atl::status list(const std::string& path, std::vector<std::string>& waiting);

  control& masters_;
  const visitor each_;
  int code_ = 0;
};

/// Calls `each` for the chunks of a file, in order; for a chunk that several parts of the file are
/// in, several times.
atl::status for_each_chunk(control& masters, const std::string& path,
                           const std::function<void(const chunk_record&)>& each);

} // namespace dfs::cli
