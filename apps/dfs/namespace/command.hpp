#pragma once

#include "common/policy.hpp"
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
///
/// Times that a command leaves out are the state's time. As in POSIX, a change of the entries of a
/// directory changes its mtime and ctime, and a change of an inode's links or attributes its ctime.
namespace commands {

/// What a new inode is given.
struct new_inode {
  inode_type type = inode_type::file;
  std::uint16_t mode = 0644; ///< 12 bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t device = 0; ///< of a device file
  std::optional<std::int64_t> atime_ns{};
  std::optional<std::int64_t> mtime_ns{};

  friend bool operator==(const new_inode&, const new_inode&) = default;
};

/// Makes an inode and its name. A file may come with its content, and is then visible with all of
/// it or not at all; a symbolic link comes with its target, as one piece.
///
/// A chunk made before the garbage collection watermark is refused. No command can therefore refer
/// to an unreferenced chunk below the watermark any more, and the chunk can be deleted.
struct make {
  using response = responses::changed;
  enum class if_exists : std::uint8_t {
    refuse,
    replace, ///< what is no directory, by a new inode that is none either
    keep,    ///< if it is a directory and a directory is wanted: a success that changes nothing
  };
  static constexpr auto if_exists_last = if_exists::keep;

  place where;
  new_inode inode;
  if_exists existing = if_exists::refuse;
  /// Make missing parents too, with the mode `parents_mode`, uid and gid of the inode.
  bool parents = false;
  std::uint16_t parents_mode = 0755;
  std::uint64_t size_bytes = 0; ///< of a file; where no piece is, it has a hole
  std::vector<piece> content;   ///< in order, without overlaps
};

/// Another name for an inode that is no directory. The new name must not exist.
struct link {
  using response = responses::changed;
  place from;
  place to;
};

/// Removes a name. An inode without names is reclaimed, once no mount holds it; or it goes to the
/// trash, if the policy of the directory keeps one. So does what `make` and `rename` replace.
struct unlink {
  using response = responses::changed;
  enum class expect : std::uint8_t {
    anything,
    directory,     ///< as rmdir(2)
    not_directory, ///< as unlink(2)
  };
  static constexpr auto expect_last = expect::not_directory;

  place where;
  expect expected = expect::anything;
  bool recursive = false; ///< also a directory that isn't empty, at once
  /// Mounts that have the inode open: it stays until they `release` it.
  std::vector<mount_id> keep_for{};
};

/// As renameat2(2). A rename to the same inode succeeds and changes nothing.
struct rename {
  using response = responses::changed;
  enum class how : std::uint8_t {
    replace, ///< a file replaces a file, a directory an empty directory
    no_replace,
    exchange, ///< the two change places; both must exist
  };
  static constexpr auto how_last = how::exchange;

  place from;
  place to;
  how mode = how::replace;
  std::vector<mount_id> keep_for{}; ///< as in `unlink`, for what is replaced
};

/// Changes what is given.
struct set_attributes {
  using response = responses::changed;
  place where;
  std::optional<std::uint16_t> mode{};
  std::optional<std::uint32_t> uid{};
  std::optional<std::uint32_t> gid{};
  std::optional<std::uint64_t> size_bytes{}; ///< of a file: cuts, or appends a hole
  std::optional<std::int64_t> atime_ns{};
  std::optional<std::int64_t> mtime_ns{};
  bool now_atime = false; ///< set the time to the state's
  bool now_mtime = false;
  /// Clear set-user-id, and set-group-id where the group may execute.
  bool drop_privileges = false;
};

/// Writes bytes of a file over what was there.
struct write {
  using response = responses::written;
  place where;
  /// Refuse if the content has changed since this version.
  std::optional<std::uint64_t> expected_data_version{};
  /// The pieces' offsets count from the end of the file.
  bool append = false;
  bool drop_privileges = false; ///< as in `set_attributes`
  std::optional<std::int64_t> mtime_ns{};
  std::vector<piece> pieces{}; ///< in order, without overlaps
};

/// Makes a range of a file the same as one of another file, or of the same one if the ranges don't
/// overlap, without moving data.
struct clone_range {
  using response = responses::written;
  place from;
  place to;
  std::uint64_t from_offset = 0;
  std::uint64_t to_offset = 0;
  std::uint64_t length_bytes = 0; ///< within `from`; not 0
};

struct set_xattr {
  using response = responses::changed;
  enum class how : std::uint8_t { create_or_replace, create, replace };
  static constexpr auto how_last = how::replace;

  place where;
  std::string name;
  std::string value;
  how mode = how::create_or_replace;
};

struct remove_xattr {
  using response = responses::changed;
  place where;
  std::string name;
};

/// Gives a policy an id. Equal policies have one id.
struct define_policy {
  using response = responses::defined;
  dfs::policy policy;
};

/// How what is stored in a directory from now on is stored. What stands there is left as it is.
struct set_policy {
  using response = responses::changed;
  place where;
  policy_id policy = no_policy; ///< `no_policy`: that of the parent; not for the root
  bool only_first = false;      ///< leave a directory with a policy of its own alone
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

struct set_storage {
  using response = responses::changed;
  storage_id id = no_storage;
  /// `active` and `draining` change into each other and into `dead`, all into `forgotten`; nothing
  /// comes back from `dead` but to `active`, and nothing from `forgotten`.
  storage_state to = storage_state::active;
};

/// A fragment has moved.
struct relocation {
  chunk_id chunk;
  std::uint32_t fragment = 0;
  storage_id from = no_storage; ///< `no_storage`: the fragment was not stored
  storage_id to = no_storage;   ///< `no_storage`: it is lost, and is to be made anew

  friend bool operator==(const relocation&, const relocation&) = default;
};

/// Records where fragments have moved, each if the state has the fragment at its `from`. Once a
/// leader has sent one of these, also one without moves, those of earlier leaders change nothing
/// any more.
struct relocate {
  using response = responses::relocated;
  std::uint64_t term = 0; ///< of the leader that sends it
  std::vector<relocation> moves;
};

/// Changes a setting of the cluster; an empty value removes it.
struct configure {
  using response = responses::changed;
  std::string key;
  std::string value;
  std::optional<std::uint64_t> expected_version{}; ///< 0: the setting doesn't exist
};

/// A mount of the file system, whose open inodes outlive their names.
struct begin_mount {
  using response = responses::mounted;
  std::string name; ///< for people
};
/// Releases all that the mount holds, with `collect_garbage` if that is much. A success also if the
/// mount is not known.
struct end_mount {
  using response = responses::changed;
  mount_id mount = 0;
};
/// The mount has closed inodes. Those that it doesn't hold are passed over.
struct release {
  using response = responses::changed;
  mount_id mount = 0;
  std::vector<inode_id> inodes;
};

/// Deferred work: advances the garbage collection watermark, empties the trash of what has expired,
/// counts what is in it, reclaims removed trees, and removes idle sessions.
struct collect_garbage {
  using response = responses::garbage_collected;
  std::uint64_t gc_watermark_us = 0; ///< a lower watermark than the present one changes nothing
  /// Inodes and extents of removed trees, and sessions, at most; 0: none.
  std::uint32_t reclaimed_inodes_max = 0;
  /// Sessions that were idle for longer, in the state's time, are forgotten; 0: none.
  std::uint64_t session_expiry_us = 0;
  /// Also empties the trash of what hasn't expired, the next to expire first, until files of so
  /// many bytes are gone.
  std::uint64_t discarded_trash_bytes = 0;
};

/// Gives back its name, or another one, to something in the trash. The name must not exist; missing
/// parents are made.
struct restore {
  using response = responses::changed;
  inode_id inode = 0;
  std::optional<place> to{}; ///< none: the place that it was removed from
  std::uint16_t parents_mode = 0755;
  std::uint32_t uid = 0; ///< of missing parents, as what follows
  std::uint32_t gid = 0;
};

/// Removes from the trash, for good. Inodes that aren't there are passed over.
struct discard {
  using response = responses::discarded;
  std::vector<inode_id> inodes; ///< at most `limits::discards_max`
};

/// Puts other chunks with the same bytes in place of one, where a range of a file refers to it.
/// What readers see of the file stays as it is, and so do its times and the version of its content.
struct replace_chunk {
  using response = responses::changed;
  inode_id inode = 0;
  std::uint64_t offset_bytes = 0; ///< of the range
  std::uint64_t length_bytes = 0; ///< likewise
  chunk_id from;
  /// In order, and together as large as `from`. None: no chunk is replaced.
  std::vector<chunk_record> to;
  /// By which the file's content is stored from now on.
  policy_id policy = no_policy;
};

struct batch;

} // namespace commands

/// A command that may be part of a batch. The order is that of the bytes on the wire: append only.
using single_action =
    std::variant<commands::make, commands::link, commands::unlink, commands::rename,
                 commands::set_attributes, commands::write, commands::clone_range,
                 commands::set_xattr, commands::remove_xattr, commands::define_policy,
                 commands::set_policy, commands::register_storage, commands::set_storage,
                 commands::relocate, commands::configure, commands::begin_mount,
                 commands::end_mount, commands::release, commands::collect_garbage,
                 commands::restore, commands::discard, commands::replace_chunk>;

namespace commands {

/// Commands one after the other, each as if it were alone: one that fails doesn't keep the others
/// from being carried out.
struct batch {
  using response = responses::answers;
  std::vector<single_action> actions;
};

} // namespace commands

/// A type on the wire is the index here; `batch` has the type `batch_type`.
using action = std::variant<single_action, commands::batch>;
inline constexpr std::uint8_t batch_type = 0x80;

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
