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

/// Follows the first `count` names as far as they exist.
/// @returns `errc::refused` when a file is found where a directory is needed.
atl::result<walked> walk(state_reader& state, const parsed_path& path, std::size_t count);

/// Resolves the whole path. @returns `errc::not_found`, or `errc::refused` for a file where a
/// directory is needed.
atl::result<dirent> resolve(state_reader& state, const parsed_path& path);

/// Parses and resolves a path.
atl::result<dirent> resolve(state_reader& state, std::string_view path);

/// `errc::not_found` for the first name of the path that doesn't exist.
atl::error missing(const parsed_path& path, std::size_t depth);

} // namespace dfs::state
