#pragma once

#include "namespace/command.hpp"
#include "namespace/resolver.hpp"
#include "namespace/transaction.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What each command does to the state. A command that is answered with an error has changed
/// nothing; whether reading failed underneath is up to the caller to ask the transaction.
namespace dfs::state {

/// Carries out one entry of the log, at `meta().applied`. Bytes that are no command are answered
/// with an error.
std::string apply_command(transaction& state, std::string_view bytes);

atl::result<responses::changed> run(transaction& state, const commands::mkdir& command);
atl::result<responses::changed> run(transaction& state, const commands::put_file& command);
atl::result<responses::changed> run(transaction& state, const commands::rename& command);
atl::result<responses::changed> run(transaction& state, const commands::remove& command);
atl::result<responses::registered> run(transaction& state,
                                       const commands::register_storage& command);
atl::result<responses::admitted> run(transaction& state, const commands::admit_master& command);
atl::result<responses::changed> run(transaction& state, const commands::relocate_chunk& command);
atl::result<responses::garbage_collected> run(transaction& state,
                                              const commands::collect_garbage& command);

// -- parts of them ----------------------------------------------------------------------------

/// Makes the directories of the path from where `at` ends to its `depth`-th name.
dirent make_directories(transaction& state, const parsed_path& path, walked at, std::size_t depth);

/// Notes that a directory has gained or lost entries just now.
void touch_directory(transaction& state, inode_id id, std::int64_t entries_gained);

/// Takes an inode apart that no entry names any more, or queues it when that is much work.
/// @returns how many inodes and extents were reclaimed; 0: it was queued.
std::uint32_t reclaim_or_queue(transaction& state, const dirent& gone);

/// Takes queued trees and files apart, at most `limit` inodes and extents.
/// @returns how many inodes went.
std::uint32_t reclaim(transaction& state, std::uint32_t limit);

/// Forgets up to `limit` sessions that were idle for longer. @returns how many.
std::uint32_t expire_sessions(transaction& state, std::uint64_t expiry_us, std::uint32_t limit);

/// Something refers to a chunk once more, for the first time perhaps.
void add_reference(transaction& state, const chunk_record& chunk);
/// … once less; the last one takes the chunk's record along.
void drop_reference(transaction& state, const chunk_id& id);

} // namespace dfs::state
