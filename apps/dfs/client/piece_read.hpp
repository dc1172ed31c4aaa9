#pragma once

#include "client/control.hpp"
#include "client/storage_pool.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace dfs {

/// A content of a file, as one version of it is.
struct file_content {
  std::string path; ///< for messages
  inode_id inode = 0;
  std::uint64_t data_version = 0;
};

/// Reads a part of a chunk that a file refers to. If the chunk has been replaced meanwhile by
/// others with the same bytes, the present ones are read. Blocks; thread-safe.
/// @param part of the content: offset and length in the file, and where in the chunk it begins
/// @param into as long as `part`
/// Errors: those of `storage_pool::fetch_range`. Also not_found if the file's content has changed.
atl::status read_piece(control& masters, storage_pool& storages, const file_content& of,
                       const piece& part, std::span<char> into);

} // namespace dfs
