#pragma once

#include "cli/partial_file.hpp"
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
  positioned_source read_at;         ///< of a regular file
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
  /// The same, with the beginning of this content that an earlier program left (`bytes_there`).
  /// What is written stays also if the file isn't kept. A device or a pipe is written from the
  /// beginning.
  static atl::result<local_file> resume(const std::string& path, const content_identity& content);
  local_file(local_file&&) = default;
  local_file& operator=(local_file&&) = delete;
  ~local_file() = default; ///< removes the file unless it was kept, or resumed

  byte_sink sink() const;
  /// Empty: it is a device or a pipe.
  byte_retraction retraction() const;
  /// The bytes of the content that are there before anything is written.
  std::uint64_t bytes_there() const { return partial_ ? partial_->bytes_there() : 0; }
  /// Was there a beginning of another content?
  bool has_begun_again() const { return partial_ && partial_->has_begun_again(); }
  /// Gives the file its name, and replaces an existing file.
  atl::status keep();

 private:
  local_file() = default;
  /// @param content null: isn't resumed
  static atl::result<local_file> make(const std::string& path, const content_identity* content);
  static atl::result<local_file> in_place(const std::string& path);
  static atl::result<local_file> in_place_of(const std::string& path, const struct stat& replaced,
                                             const content_identity* content);
  atl::status open_beside(const std::string& target, mode_t mode, const content_identity* content);
  void take_permissions_of_replaced() const;
  int descriptor() const;

  std::string path_;                        ///< as it was given
  std::shared_ptr<const int> device_;       ///< written in place: a device, a pipe
  std::optional<partial_file> partial_;     ///< or resumed
  std::optional<temporary_file> temporary_; ///< otherwise
  std::optional<struct stat> replaced_;
};

} // namespace dfs::cli
