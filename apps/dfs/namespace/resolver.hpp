#pragma once

#include "namespace/path.hpp"
#include "namespace/state_reader.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>

namespace dfs::state {

/// How far down a path there is something.
struct walked {
  dirent last{root_inode, inode_type::directory}; ///< the deepest that is there
  std::size_t depth = 0;                          ///< how many names lead to it
};

/// Follows the first `count` names for as long as they are there.
/// @returns `errc::refused` when a file stands where a directory is needed.
atl::result<walked> walk(state_reader& state, const parsed_path& path, std::size_t count);

/// What the whole path names. @returns `errc::not_found`, or `errc::refused` for a file where a
/// directory is needed.
atl::result<dirent> resolve(state_reader& state, const parsed_path& path);

/// Parses and resolves.
atl::result<dirent> resolve(state_reader& state, std::string_view path);

/// `errc::not_found` for the first name of the path that isn't there.
atl::error missing(const parsed_path& path, std::size_t depth);

} // namespace dfs::state
