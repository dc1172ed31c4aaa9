#pragma once

#include "namespace/command.hpp"
#include "namespace/resolver.hpp"
#include "namespace/state_transaction.hpp"

#include <cstdint>

/// Carries out commands on the state. A command that returns an error has changed nothing. The
/// caller must check the transaction for failed reads. For the applying thread.
namespace dfs::state {

atl::result<responses::changed> run(state_transaction& state, const commands::mkdir& command);
atl::result<responses::changed> run(state_transaction& state, const commands::put_file& command);
atl::result<responses::changed> run(state_transaction& state, const commands::rename& command);
atl::result<responses::changed> run(state_transaction& state, const commands::remove& command);
atl::result<responses::registered> run(state_transaction& state,
                                       const commands::register_storage& command);
atl::result<responses::changed> run(state_transaction& state,
                                    const commands::relocate_chunk& command);
atl::result<responses::garbage_collected> run(state_transaction& state,
                                              const commands::collect_garbage& command);

// -- parts of them ----------------------------------------------------------------------------

/// Creates the missing directories of the path, from the end of `at` up to the `depth`-th name.
dirent make_directories(state_transaction& state, const parsed_path& path, walked at,
                        std::size_t depth);

/// Updates a directory whose entries have changed.
void touch_directory(state_transaction& state, inode_id id, std::int64_t entries_gained);

/// Reclaims an orphaned inode, or queues it if that is much work. @returns the number of reclaimed
/// inodes and extents; 0: the inode was queued.
std::uint32_t reclaim_or_queue(state_transaction& state, const dirent& gone);

/// Reclaims queued trees and files, at most `limit` inodes and extents. @returns the number of
/// reclaimed inodes.
std::uint32_t reclaim(state_transaction& state, std::uint32_t limit);

/// Adds a reference to a chunk, and creates the chunk's record with the first.
void add_reference(state_transaction& state, const chunk_record& chunk);
/// Removes a reference to a chunk, and the chunk's record with the last.
void drop_reference(state_transaction& state, const chunk_id& id);

} // namespace dfs::state
