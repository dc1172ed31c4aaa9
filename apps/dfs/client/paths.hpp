#pragma once

#include "client/control.hpp"
#include "namespace/path.hpp"

#include <atoll/core/error.hpp>

#include <string>

/// Requests to the masters by absolute paths, as people write them.
namespace dfs {

/// Errors: invalid for a path that isn't absolute; further ones as of `control::query`.
atl::result<responses::entry> stat_path(control& masters, const std::string& path);

/// Makes a directory, with `parents` also those above it; then one that exists is a success.
/// @param inode what it is given, besides its type
atl::result<responses::changed>
run_make_directory(control& masters, const std::string& path, bool parents,
                   commands::new_inode inode = {inode_type::directory, 0755});

/// The target of a symbolic link. Errors: refused if the path is no such link.
atl::result<std::string> read_link(control& masters, const std::string& path);

/// The place of something that is to get this name. Errors: invalid also for a name that isn't
/// UTF-8, for such names can't be typed or shown by every program.
atl::result<place> new_place(const std::string& path);

} // namespace dfs
