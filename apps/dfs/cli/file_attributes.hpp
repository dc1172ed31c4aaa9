#pragma once

#include "common/types.hpp"
#include "namespace/command.hpp"

#include <atoll/core/error.hpp>

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

/// Modes, owners and times, between local files and the name space.
namespace dfs::cli {

/// "file", "directory", "symlink", …
std::string_view type_text(inode_type type);
/// "drwxr-xr-x", as ls -l has it.
std::string mode_text(const inode_attributes& of);
/// The name that the local machine has for the id, or the number.
std::string user_text(std::uint32_t uid);
std::string group_text(std::uint32_t gid);

/// What a new inode of this type is given if nothing is preserved: the caller's ids, and all
/// permissions that its umask allows.
commands::new_inode own_inode(inode_type type);
/// The mode of a directory that is made on the way to something else.
std::uint16_t own_directory_mode();

/// What a local file becomes. @param preserve keep owner, group, set-user-id and access time as
/// well; otherwise the inode is the caller's
commands::new_inode inode_of(const struct stat& local, bool preserve);

/// Gives a local file or folder the attributes: mode and times, and the owner where the caller may
/// do that. Doesn't follow a symbolic link. Errors name the path.
atl::status apply_attributes(const std::string& path, const inode_attributes& attributes);

/// Is there a regular file of this size and time of change, to the nanosecond? Doesn't follow a
/// symbolic link.
bool has_size_and_time(const std::string& path, const inode_attributes& attributes);

/// Makes a local symbolic link, pipe, socket or device, in place of one that exists. Errors name
/// the path.
/// @param target of a symbolic link
atl::status make_special(const std::string& path, const inode_attributes& attributes,
                         const std::string& target);

} // namespace dfs::cli
