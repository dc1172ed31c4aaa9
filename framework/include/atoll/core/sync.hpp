#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>

namespace atl {

/// Makes a file's bytes, or a folder's entries, survive a power cut. A failed sync must not be
/// retried: the system may have dropped the data that it couldn't write.
status sync_to_disk(const std::filesystem::path& file_or_folder);

} // namespace atl
