#pragma once

#include "common/types.hpp"
#include "namespace/response.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dfs {

/// What can be done to the name space. Each is all or nothing, and answered by its `response` or an
/// error: `not_found`, `exists`, `refused` (not in this state, or the wrong type), `invalid`
/// (never).
namespace commands {

struct mkdir {
  using response = responses::changed;
  std::string path;
  bool parents = false; ///< make missing parents too; a directory that exists already is a success
};

/// Makes a file visible whose data is stored already. Replacing one is atomic, under a new inode.
///
/// A chunk made before the garbage collection watermark is refused. No command can therefore refer
/// to an unreferenced chunk below the watermark any more, and the chunk can be deleted.
struct put_file {
  using response = responses::changed;
  using inline_bytes = std::string;               ///< at most `limits::inline_bytes_max`
  using extent_list = std::vector<placed_extent>; ///< 1 … `limits::extents_per_file_max`

  std::string path;
  /// Since 1970, negative before it; none: the time at which it becomes visible, by the state.
  std::optional<std::int64_t> mtime_us;
  std::variant<inline_bytes, extent_list> content;
  bool overwrite = false;
  bool parents = false; ///< make missing parents too
};

/// As POSIX has it: a file replaces a file, a directory an empty directory, both only with
/// `overwrite`. To itself is a success that changes nothing. Directories below the new place may
/// come to lie deeper than a path can say; they are reached again by moving them up.
struct rename {
  using response = responses::changed;
  std::string from;
  std::string to;
  bool overwrite = false;
};

/// Out of sight at once, whatever is below; reclaimed by `collect_garbage`.
struct remove {
  using response = responses::changed;
  std::string path;
  bool recursive = false; ///< also a directory that isn't empty
};

/// Gives a storage node its id: the same one for the same name and data folder.
struct register_storage {
  using response = responses::registered;
  std::string name; ///< as configured
  std::string uuid; ///< of the data folder
  /// An operator's word that the disk which had the name is lost: another data folder may take the
  /// name over, under an id of its own.
  bool replaces = false;
};

/// Gives a master's data folder its id in the group: the same one for the same folder. An id is
/// never given to a second folder, since what the first one promised is lost with it.
struct admit_master {
  using response = responses::admitted;
  std::uint32_t id = 0; ///< the wanted one; 0: the next that was never given
  std::string name;
  std::string address;
  std::string folder; ///< the id of the data folder
};

/// A fragment is now stored on `to`, no longer on `from`; refused if the state says otherwise.
struct relocate_chunk {
  using response = responses::changed;
  chunk_id chunk;
  std::uint32_t fragment = 0;
  storage_id from = no_storage; ///< `no_storage`: it wasn't stored anywhere
  storage_id to = no_storage;
};

/// Work that waits: moves the garbage collection watermark forward, takes removed trees apart,
/// forgets idle sessions.
struct collect_garbage {
  using response = responses::garbage_collected;
  std::uint64_t gc_watermark_us = 0; ///< an earlier one than before changes nothing
  /// Inodes and extents of removed trees, and sessions, at most; 0: none.
  std::uint32_t reclaim_limit = 0;
  /// Sessions that were idle for longer, in the state's time, are forgotten; 0: none.
  std::uint64_t session_expiry_us = 0;
};

} // namespace commands

/// The order is that of the bytes on the wire: append only.
using action = std::variant<commands::mkdir, commands::put_file, commands::rename, commands::remove,
                            commands::register_storage, commands::relocate_chunk,
                            commands::collect_garbage, commands::admit_master>;

/// One entry of the log. Repeated under the same session and sequence number, it is applied once.
struct command {
  session_id session;
  /// 1 opens the session; each further command of it has a larger one, and waits for the answer to
  /// the one before.
  std::uint64_t sequence = 0;
  std::uint64_t time_us = 0; ///< since 1970; the replica that proposes it writes this
  dfs::action action;
};

std::string encode(const command& command);

/// Writes a time into an encoded command; leaves alone what is too short to be one.
void stamp_command(std::string& bytes, std::uint64_t time_us);

/// @returns `errc::invalid` for bytes that are no command, or one of a version that is unknown
/// here.
atl::result<command> decode_command(std::string_view bytes);

/// Did the command fail because its session is unknown (and it isn't the first of one)? Then
/// whether an earlier attempt took effect can't be told any more; go on under a new session.
bool is_session_expired(const atl::error& error);

} // namespace dfs
