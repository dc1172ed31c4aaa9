#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace atl {

/// Why a configuration may not name this path, as the rest of a sentence that begins with the key;
/// none when it may. Characters that a shell would expand are refused: nothing is expanded here,
/// and an operator never means a folder called `~`.
std::optional<std::string> path_refusal(std::string_view path);

/// The folder of a file, absolute and without links on the way. A link that is the file itself is
/// not followed: `/etc/dfs/node.toml` starts at `/etc/dfs`, wherever the link leads.
std::filesystem::path absolute_folder_of(const std::filesystem::path& file);

} // namespace atl
