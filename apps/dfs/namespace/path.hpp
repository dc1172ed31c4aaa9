#pragma once

#include <atoll/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// A parsed path. Views into the text that it was parsed from, which must outlive it.
struct parsed_path {
  std::string_view text;
  std::vector<std::string_view> names; ///< from the root; empty: the root itself
  bool directory_only = false;         ///< ended with a slash: names a directory or nothing

  bool is_root() const { return names.empty(); }
  /// The text of the first `count` names.
  std::string_view first(std::size_t count) const;
  /// Is `other` this path or something below it?
  bool contains(const parsed_path& other) const;
};

/// The rules for paths: absolute, names separated by one '/', each 1–255 bytes of valid UTF-8
/// without NUL, none of them '.' or '..'; at most 4096 bytes and 256 names. A slash at the end is
/// kept as `directory_only`.
/// @returns `errc::invalid` with the reason.
atl::result<parsed_path> parse_path(std::string_view text);

/// The text for a message: in quotes, control bytes and broken UTF-8 as \xNN, the middle of a long
/// text left out.
std::string in_quotes(std::string_view text);

} // namespace dfs
