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
/// The same for a name that a command removes from a directory: an inode without names may go to
/// the trash instead, by the directory's policy.
void remove_name(state_transaction& state, const dirent& gone, inode_id parent, const place& where,
                 const std::vector<mount_id>& keep_for);
/// Removes something from the trash for good. @returns what the trash knew of it
trash_record discard(state_transaction& state, inode_id id, inode& kept);
/// Errors: invalid for too many mounts, refused for one that isn't known.
atl::status check_mounts(state_transaction& state, const std::vector<mount_id>& mounts);

/// The mount doesn't keep the inode any longer. @returns whether it did
bool release_held(state_transaction& state, mount_id mount, inode_id id);

/// What `reclaim` has done.
struct reclaimed {
  std::uint32_t inodes = 0;
  std::uint32_t discarded_entries = 0; ///< of the trash
};
/// Empties the trash of what has expired, reclaims queued trees and files, releases what ended
/// mounts kept, and counts what is in the trash: at most `limit` inodes and extents.
/// @param discarded_bytes empty the trash of as much also before it expires
reclaimed reclaim(state_transaction& state, std::uint32_t limit, std::uint64_t discarded_bytes);

} // namespace dfs::state
