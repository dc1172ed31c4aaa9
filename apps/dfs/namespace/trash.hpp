#pragma once

#include "namespace/state_transaction.hpp"

#include <cstdint>

/// What was removed and can be restored. Each entry of the trash is an inode without a name, and
/// with it all that is below it if it is a directory. It has two rows: the one of the trash, by the
/// time of its expiry, and the inode's own, which has that time.
namespace dfs::state {

/// How long what is removed from the directory is kept, by its policy; 0: not at all.
std::uint64_t trash_time_us(state_transaction& state, inode_id directory);

/// What the trash knows of an inode that is in it by itself.
trash_record must_trash_record(state_transaction& state, inode_id id, const inode& kept);

/// Puts an inode that has lost its last name into the trash. The caller puts the inode's row.
void put_into_trash(state_transaction& state, inode_id id, inode& gone, const place& from,
                    std::uint64_t kept_us);
/// The inode leaves the trash. The caller puts the inode's row. @returns what the trash knew of it
trash_record take_from_trash(state_transaction& state, inode_id id, inode& kept);

/// Counts the files of directories in the trash. @param limit inodes at most
/// @returns the number of inodes that were looked at
std::uint32_t count_trash(state_transaction& state, std::uint32_t limit);

} // namespace dfs::state
