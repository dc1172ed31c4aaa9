#pragma once

#include <string>
#include <string_view>

namespace dfs::cli {

/// `/a/b` from `/a` and `b`.
std::string join_path(std::string directory, std::string_view name);
/// `b` from `/a/b` or `/a/b/`; empty for the root.
std::string last_component(std::string_view path);
/// Can a local file have this name? False for a name that leads out of its folder.
bool is_plain_name(std::string_view name);

} // namespace dfs::cli
