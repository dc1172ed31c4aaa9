#pragma once

#include "client/stream.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace dfs::cli {

/// A local file to be stored; `-` is standard input.
struct local_source {
  std::shared_ptr<void> file; ///< keeps it open
  byte_source read;
  std::uint64_t size = 0;     ///< 0: not known
  std::uint64_t mtime_us = 0; ///< 0: not known
};
atl::result<local_source> open_source(const std::string& path);

/// A local file being written: under a name beside the one that was asked for, until it is whole.
class local_file {
 public:
  static atl::result<local_file> create(const std::string& path);
  local_file(local_file&& other) noexcept;
  local_file& operator=(local_file&&) = delete;
  ~local_file(); ///< removes what wasn't kept

  byte_sink sink() const;
  /// Gives it its name, in place of what may be there.
  atl::status keep();

 private:
  local_file(int fd, std::string temporary, std::string path);

  int fd_;
  std::string temporary_; ///< empty: written in place (a device, a pipe)
  std::string path_;
};

} // namespace dfs::cli
