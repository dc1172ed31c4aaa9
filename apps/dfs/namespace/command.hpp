#pragma once

#include "common/types.hpp"
#include "namespace/response.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/state/session_command.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dfs {

/// The commands of the name space. Each is atomic, and answered by its `response` or an error:
/// `not_found`, `exists`, `refused` (not in this state, or the wrong type), `invalid` (never).
namespace commands {

struct mkdir {
  using response = responses::changed;
  std::string path;
  bool parents = false; ///< make missing parents too; a directory that exists already is a success
};

/// Makes a file visible whose data is stored. It replaces an existing file atomically, under a new
/// inode.
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

/// As in POSIX: a file replaces a file, a directory an empty directory, both only with `overwrite`.
/// A rename to the same path succeeds and changes nothing. Directories below the new place may
/// become deeper than a path may be; a rename that moves them up makes them reachable again.
struct rename {
  using response = responses::changed;
  std::string from;
  std::string to;
  bool overwrite = false;
};

/// Removes a path and everything below it from view at once; `collect_garbage` reclaims it.
struct remove {
  using response = responses::changed;
  std::string path;
  bool recursive = false; ///< also a directory that isn't empty
};

/// Registers a storage node. The same name and data folder always get the same id.
struct register_storage {
  using response = responses::registered;
  std::string name; ///< as configured
  std::string uuid; ///< of the data folder
  /// An operator's statement that the disk with this name is lost: another data folder may take the
  /// name, under a new id.
  bool replaces = false;
};

/// Records that a fragment has moved from `from` to `to`; refused if the state has it elsewhere.
struct relocate_chunk {
  using response = responses::changed;
  chunk_id chunk;
  std::uint32_t fragment = 0;
  storage_id from = no_storage; ///< `no_storage`: the fragment was not stored
  storage_id to = no_storage;
};

/// Deferred work: advances the garbage collection watermark, reclaims removed trees, and removes
/// idle sessions.
struct collect_garbage {
  using response = responses::garbage_collected;
  std::uint64_t gc_watermark_us = 0; ///< a lower watermark than the present one changes nothing
  /// Inodes and extents of removed trees, and sessions, at most; 0: none.
  std::uint32_t reclaimed_inodes_max = 0;
  /// Sessions that were idle for longer, in the state's time, are forgotten; 0: none.
  std::uint64_t session_expiry_us = 0;
};

} // namespace commands

/// The order is that of the bytes on the wire: append only.
using action =
    std::variant<commands::mkdir, commands::put_file, commands::rename, commands::remove,
                 commands::register_storage, commands::relocate_chunk, commands::collect_garbage>;

/// A log entry: an action in the envelope of an `atl::session_command`.
struct command {
  atl::session_id session;
  std::uint64_t sequence = 0;
  std::uint64_t time_us = 0;
  dfs::action action;
};

std::string encode(const command& command);

/// An action's type in the envelope of a command, and its bytes.
std::uint8_t type_of(const action& action);
std::string encode_body(const action& action);

/// An action of the type with default values; none: the type is unknown here.
std::optional<action> action_of_type(std::uint8_t type);
/// @returns `errc::invalid` for bytes that are no action, or one of a type that is unknown here.
atl::result<action> decode_action(const atl::service_command& command);

/// @returns `errc::invalid` for bytes that are no command, or one of a version that is unknown
/// here.
atl::result<command> decode_command(std::string_view bytes);

} // namespace dfs
