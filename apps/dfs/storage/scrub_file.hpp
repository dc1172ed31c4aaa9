#pragma once

#include "storage/disk.hpp"
#include "storage/scrubber.hpp"

#include <atoll/core/error.hpp>

#include <string>
#include <string_view>

namespace dfs {

/// The bytes of the file that keeps a scrub's position.
std::string encode_scrub_position(const scrub_position& position);
/// Errors: corrupt.
atl::result<scrub_position> decode_scrub_position(std::string_view bytes);

/// Replaces the file durably. Errors: io, no_space.
atl::status save_scrub_position(const std::string& path, const scrub_position& position,
                                disk& on = real_disk());
/// Errors: not_found, corrupt, io.
atl::result<scrub_position> load_scrub_position(const std::string& path, disk& on = real_disk());

} // namespace dfs
