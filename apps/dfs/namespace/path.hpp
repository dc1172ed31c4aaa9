#pragma once

#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// A parsed place. Views into the place that it was parsed from, which must outlive it.
struct parsed_path {
  inode_id at = root_inode;
  std::string_view text;
  std::vector<std::string_view> names; ///< from `at`; empty: the inode itself
  bool directory_only = false;         ///< ended with a slash: names a directory or nothing

  /// The first `count` names for a message, in quotes.
  std::string quoted(std::size_t count) const;
  std::string quoted() const { return quoted(names.size()); }
};

/// The rules for paths: relative, names separated by one '/', each 1–255 bytes without NUL, none of
/// them '.' or '..'; at most 4096 bytes and 256 names. A slash at the end is kept as
/// `directory_only`.
/// @returns `errc::invalid` with the reason.
atl::result<parsed_path> parse_path(const place& where);

/// The place that a client calls "/a/b". Errors: invalid if it doesn't begin with '/'.
atl::result<place> place_of(std::string_view absolute_path);

/// The path without its last name, and that name. Errors: invalid for the inode itself.
struct split_path {
  place parent;
  std::string name;
};
atl::result<split_path> split_last(const place& where);

/// The place for a message, in quotes: as an absolute path if it is one.
std::string in_quotes(const place& where);
/// The text for a message: in quotes, control bytes and broken UTF-8 as \xNN, the middle of a long
/// text left out.
std::string in_quotes(std::string_view text);

} // namespace dfs
