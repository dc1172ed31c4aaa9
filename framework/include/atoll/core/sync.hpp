#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>

namespace atl {

/// Makes a file's bytes, or a folder's entries, survive a power cut. A failure isn't to be tried
/// again: the system may have dropped what it couldn't write.
status sync_to_disk(const std::filesystem::path& file_or_folder);

} // namespace atl
