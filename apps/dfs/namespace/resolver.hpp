#pragma once

#include "namespace/path.hpp"
#include "namespace/state_reader.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>

namespace dfs::state {

/// The existing part of a path.
struct walked {
  dirent last{root_inode, inode_type::directory}; ///< the deepest existing entry
  std::size_t depth = 0;                          ///< the number of names that lead to `last`
};

/// Follows the first `count` names as far as they exist. Symbolic links aren't followed.
/// @returns `errc::refused` when something else is found where a directory is needed,
/// `errc::not_found` if the inode that the path begins at doesn't exist.
atl::result<walked> walk(state_reader& state, const parsed_path& path, std::size_t count);

/// Resolves the whole path. @returns `errc::not_found`, or an error as of `walk`.
atl::result<dirent> resolve(state_reader& state, const parsed_path& path);
atl::result<dirent> resolve(state_reader& state, const place& where);

/// The directory that contains the path's last name, of which there must be one.
atl::result<dirent> resolve_parent(state_reader& state, const parsed_path& path);

/// `errc::not_found` for the first name of the path that doesn't exist.
atl::error missing(const parsed_path& path, std::size_t depth);

/// Is the directory `other`, or below it? A directory that was removed is below what it was in.
bool is_within(state_reader& state, inode_id directory, inode_id other);

/// "file", "directory", …
std::string_view name_of(inode_type type);

} // namespace dfs::state
