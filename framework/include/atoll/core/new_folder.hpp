#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>
#include <functional>

namespace atl {

/// Makes a folder with content in one step, so that a crash at any moment leaves all of it or
/// nothing: `fill` fills a folder beside it, which is synced, then renamed. What a crash left
/// beside it held nothing that was ever in use, and is removed first.
/// @pre nothing is at `folder`, or an empty folder
status make_folder(const std::filesystem::path& folder,
                   const std::function<status(const std::filesystem::path& beside)>& fill);

/// Whether nothing is at that place, or an empty folder.
result<bool> is_nothing(const std::filesystem::path& folder);

} // namespace atl
