#pragma once

#include "client/chunk_source.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dfs {

/// The folder of the environment for files that may be large and are soon removed: `TMPDIR`, or
/// `/var/tmp`, because `/tmp` is in memory on many machines.
std::string spool_folder();

/// Bytes that their source gives only once, in a file without a name, so that they can be read as
/// often as they must be sent. The space is free again when the last copy of the object and of its
/// readers is gone, also if the program is killed.
class spool_file {
 public:
  /// Errors: io, no_space; they name the folder and say how to choose another one.
  static atl::result<spool_file> create(const std::string& folder);

  /// Adds bytes at the end. Not to be called by several threads at once. Errors as of `create`.
  atl::status append(std::string_view bytes);
  std::uint64_t size() const { return size_; }
  /// Reads what has been added. Keeps the file open.
  positioned_source reader() const;

 private:
  spool_file(std::string folder, int fd);

  std::string folder_;
  std::shared_ptr<const int> fd_; ///< closed with its last owner
  std::uint64_t size_ = 0;
};

} // namespace dfs
