#pragma once

#include <atoll/core/error.hpp>

#include <cstddef>
#include <string_view>

namespace atl {

/// How deep a configuration may nest: parts of dotted keys and tables' names, inline tables, lists.
inline constexpr std::size_t toml_depth_max = 64;

/// Refuses TOML that nests deeper, at `origin:line:column`. The parser, and everything that walks
/// over its tables, recurses once for each level, and a file of a megabyte could overflow the
/// stack. Other mistakes are left to the parser: up to the first mistake both read the text in the
/// same way.
status check_toml_nesting(std::string_view text, std::string_view origin);

} // namespace atl
