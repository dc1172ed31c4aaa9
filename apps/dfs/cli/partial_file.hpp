#pragma once

#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>

namespace dfs::cli {

/// What tells a file's content from that of every other file, and from its own former ones.
struct content_identity {
  std::string cluster;
  inode_id inode = 0;
  std::int64_t btime_ns = 0; ///< of the inode: a cluster that was founded again counts from 1
  std::uint64_t data_version = 0;
  std::uint64_t size_bytes = 0;
};

/// The beginning of a file's content, beside the file that it is to become. It stays when the
/// program ends, however it ends, and a later program goes on with it: the file `.dfs-part-HASH`,
/// and `.dfs-note-HASH` with the content's identity, where HASH is of the final name.
class partial_file {
 public:
  /// Opens the beginning that is there, if it is of the same content and surely complete up to its
  /// end; otherwise an empty file takes its place. Private until it is published.
  /// @param path the later name; its folder must exist.
  /// Errors: busy (another program writes the partial file); refused (another user may have written
  /// the partial file).
  static atl::result<partial_file> open(const std::string& path, const content_identity& content);

  partial_file(partial_file&& other) noexcept;
  partial_file& operator=(partial_file&&) = delete;
  ~partial_file();

  /// What is written goes to the end.
  int descriptor() const { return file_; }
  /// The bytes that were there when it was opened.
  std::uint64_t bytes_there() const { return bytes_there_; }
  /// Was there a beginning of another content, which is gone now?
  bool has_begun_again() const { return has_begun_again_; }
  /// Gives the file its name, and replaces an existing file.
  atl::status publish();

 private:
  partial_file(std::string path, int folder, std::string final_name);
  atl::status open_locked();
  atl::status take_over(const content_identity& content);
  std::string read_note() const;
  atl::status write_note(const std::string& text) const;
  tl::unexpected<atl::error> failure(int error_number, const char* doing) const;

  std::string path_;
  int folder_ = -1;
  std::string final_name_;
  std::string part_name_; ///< in the folder, as the next
  std::string note_name_;
  int file_ = -1;
  std::uint64_t bytes_there_ = 0;
  bool has_begun_again_ = false;
};

} // namespace dfs::cli
