#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>
#include <functional>

namespace atl {

/// Creates a folder with content atomically, so that a crash at any moment leaves all of it or
/// nothing: `fill` fills a temporary folder beside `folder`, which is then synced and renamed. A
/// temporary folder that a crash left behind was never in use, and is removed first.
/// @pre nothing is at `folder`, or an empty folder
status make_folder(const std::filesystem::path& folder,
                   const std::function<status(const std::filesystem::path& beside)>& fill);

/// Is nothing at that path, or an empty folder?
result<bool> is_nothing(const std::filesystem::path& folder);

} // namespace atl
