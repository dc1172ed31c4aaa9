#pragma once

#include <atoll/core/error.hpp>

#include <sys/types.h>

#include <string>

namespace dfs::cli {

/// A file without a name, or with a short one that begins with `.dfs-`, which gets its final name
/// atomically when it is complete. It is removed if the program fails, or if SIGINT, SIGTERM or
/// SIGHUP ends the program (as they do without this class); by a signal, the first 64 that a
/// process has at once are removed. Several threads may have one each.
class temporary_file {
 public:
  /// @param path the later name; its folder must exist.
  /// @param mode permissions, of which the process's umask is taken away.
  static atl::result<temporary_file> beside(const std::string& path, mode_t mode);
  /// Creates the file with a temporary name, for file systems without nameless files.
  static atl::result<temporary_file> named_beside(const std::string& path, mode_t mode);

  temporary_file(temporary_file&& other) noexcept;
  temporary_file& operator=(temporary_file&&) = delete;
  ~temporary_file();

  int descriptor() const { return file_; }
  /// Gives the file its name, and replaces an existing file.
  atl::status publish();

 private:
  temporary_file(std::string path, int folder, std::string final_name);
  static atl::result<temporary_file> in_folder_of(const std::string& path);
  atl::status open_nameless(mode_t mode);
  atl::status open_named(mode_t mode);
  /// @returns 0 or an errno.
  int link_to(const std::string& name) const;
  atl::status name_for_rename();
  tl::unexpected<atl::error> failure(int error_number, const char* doing) const;

  std::string path_;
  int folder_ = -1;
  std::string final_name_;
  std::string temporary_name_; ///< in the folder; empty: none
  int leftover_ = -1;          ///< its number among the names that a signal removes; -1: none
  int file_ = -1;
};

} // namespace dfs::cli
