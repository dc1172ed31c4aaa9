#pragma once

#include "cli/temporary_file.hpp"
#include "client/stream.hpp"

#include <atoll/core/error.hpp>

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace dfs::cli {

/// A local file to be stored; `-` is standard input.
struct local_source {
  std::shared_ptr<void> file; ///< keeps it open
  byte_source read;
  std::optional<std::uint64_t> size; ///< of a regular file
  std::optional<struct stat> found;  ///< of a regular file
};
atl::result<local_source> open_source(const std::string& path);

enum class local_kind { missing, file, folder, other };
/// The kind of file that a path leads to, through symbolic links. @returns an error that names the
/// path if it can't be examined.
atl::result<local_kind> find_local_kind(const std::string& path);

bool is_link(const std::string& path);

/// A local file that is being written, and gets its name when it is complete. It takes over the
/// permissions and, if permitted, the owner of the file that it replaces. A symbolic link stays,
/// and its target is replaced.
class local_file {
 public:
  static atl::result<local_file> create(const std::string& path);
  local_file(local_file&&) = default;
  local_file& operator=(local_file&&) = delete;
  ~local_file() = default; ///< removes the file unless it was kept

  byte_sink sink() const;
  /// Gives the file its name, and replaces an existing file.
  atl::status keep();

 private:
  local_file() = default;
  static atl::result<local_file> in_place(const std::string& path);
  static atl::result<local_file> in_place_of(const std::string& path, const struct stat& replaced);
  void take_permissions_of_replaced() const;
  int descriptor() const;

  std::string path_;                        ///< as it was given
  std::shared_ptr<const int> device_;       ///< written in place: a device, a pipe
  std::optional<temporary_file> temporary_; ///< otherwise
  std::optional<struct stat> replaced_;
};

} // namespace dfs::cli
