#pragma once

#include "namespace/state_transaction.hpp"

#include <cstdint>
#include <vector>

/// What becomes of inodes that lose their names.
namespace dfs::state {

/// A name of the inode is gone; its entry was erased. An inode without names is reclaimed at once,
/// or queued if that is much work, unless mounts keep it. A directory with entries isn't kept.
/// @returns the number of rows that this took, about
std::uint32_t drop_name(state_transaction& state, const dirent& gone,
                        const std::vector<mount_id>& keep_for);
/// Errors: invalid for too many mounts, refused for one that isn't known.
atl::status check_mounts(state_transaction& state, const std::vector<mount_id>& mounts);

/// The mount doesn't keep the inode any longer. @returns whether it did
bool release_held(state_transaction& state, mount_id mount, inode_id id);

/// Reclaims queued trees and files, and releases what ended mounts kept: at most `limit` inodes and
/// extents. @returns the number of reclaimed inodes.
std::uint32_t reclaim(state_transaction& state, std::uint32_t limit);

} // namespace dfs::state
