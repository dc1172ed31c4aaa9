#include "namespace/apply.hpp"
#include "namespace/directories.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/reclaim.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using atl::status;

namespace {

constexpr auto directory = inode_type::directory;
using commands::rename;

// -- unlink

status may_unlink(state_transaction& state, const commands::unlink& command,
                  const parsed_path& path, const dirent& gone) {
  auto refuse = [&](std::string_view why) {
    return fail(errc::refused, fmt::format("can't remove {}: {}", path.quoted(), why));
  };
  if (command.expected == commands::unlink::expect::directory && gone.type != directory)
    return refuse(fmt::format("it is a {}, not a directory", name_of(gone.type)));
  if (command.expected == commands::unlink::expect::not_directory && gone.type == directory)
    return refuse("it is a directory");
  if (gone.type == directory && !command.recursive && state.must_inode(gone.id).entries > 0)
    return refuse("the directory isn't empty; remove it with all that is in it, if that is meant");
  return {};
}

// -- rename

/// One end of a rename: a name in a directory, and what it names.
struct end_point {
  parsed_path path;
  dirent parent;
  std::optional<dirent> entry;
};

result<end_point> find_end(state_transaction& state, const place& where) {
  auto path = parse_path(where);
  if (!path)
    return tl::unexpected{path.error()};
  if (path->names.empty())
    return fail(errc::refused, fmt::format("can't rename {}: it has no name", in_quotes(where)));
  auto parent = resolve_parent(state, *path);
  if (!parent)
    return tl::unexpected{parent.error()};
  auto entry = state.find_entry(parent->id, path->names.back());
  return end_point{*path, *parent, entry};
}

atl::error cannot(const end_point& from, const end_point& to, errc code, std::string_view why) {
  return {code,
          fmt::format("can't rename {} to {}: {}", from.path.quoted(), to.path.quoted(), why)};
}

/// Whether what is at `from` may come to be at `to`.
status may_move(state_transaction& state, const end_point& from, const end_point& to) {
  auto is_directory = from.entry->type == directory;
  if ((from.path.directory_only || to.path.directory_only) && !is_directory)
    return tl::unexpected{
        cannot(from, to, errc::refused,
               fmt::format("it is a {}, not a directory", name_of(from.entry->type)))};
  if (is_directory && is_within(state, to.parent.id, from.entry->id))
    return tl::unexpected{
        cannot(from, to, errc::refused, "a directory can't be moved into itself")};
  return {};
}

/// Whether what is at `to` may be replaced.
status may_replace(state_transaction& state, const rename& command, const end_point& from,
                   const end_point& to) {
  auto refuse = [&](errc code, std::string_view why) {
    return tl::unexpected{cannot(from, to, code, why)};
  };
  if (command.mode == rename::how::no_replace)
    return refuse(errc::exists, "the latter exists, and overwriting wasn't asked for");
  auto source_is_directory = from.entry->type == directory;
  auto target_is_directory = to.entry->type == directory;
  if (target_is_directory && !source_is_directory)
    return refuse(errc::refused, "the former is no directory, the latter is one");
  if (!target_is_directory && source_is_directory)
    return refuse(errc::refused, "the former is a directory, the latter is none");
  if (target_is_directory && state.must_inode(to.entry->id).entries > 0)
    return refuse(errc::refused, "the latter is a directory that isn't empty");
  return {};
}

/// The inode stands in another directory, or under another name.
void note_moved(state_transaction& state, const dirent& moved, inode_id parent) {
  auto inode = state.must_inode(moved.id);
  inode.ctime_ns = state.time_ns();
  inode.version = state.index();
  if (moved.type == directory)
    inode.parent = parent;
  state.put_inode(moved.id, inode);
}

void touch_both(state_transaction& state, const end_point& from, entries_change from_change,
                const end_point& to, entries_change to_change) {
  if (from.parent.id == to.parent.id) {
    touch_directory(state, from.parent.id, from_change + to_change);
    return;
  }
  touch_directory(state, from.parent.id, from_change);
  touch_directory(state, to.parent.id, to_change);
}

result<changed> exchange(state_transaction& state, const end_point& from, const end_point& to) {
  if (!to.entry)
    return tl::unexpected{missing(to.path, to.path.names.size() - 1)};
  if (auto may = may_move(state, to, from); !may)
    return tl::unexpected{may.error()};
  state.put_entry(from.parent.id, from.path.names.back(), *to.entry);
  state.put_entry(to.parent.id, to.path.names.back(), *from.entry);
  touch_both(state, from, removed(from.entry->type) + added(to.entry->type), to,
             removed(to.entry->type) + added(from.entry->type));
  note_moved(state, *from.entry, to.parent.id);
  note_moved(state, *to.entry, from.parent.id);
  return changed{from.entry->id, state.index(), state.time_ns()};
}

} // namespace

result<changed> run(state_transaction& state, const commands::link& command) {
  auto source = resolve(state, command.from);
  if (!source)
    return tl::unexpected{source.error()};
  auto path = parse_path(command.to);
  if (!path)
    return tl::unexpected{path.error()};
  auto refuse = [&](errc code, std::string_view why) {
    return fail(
        code, fmt::format("can't link {} to {}: {}", in_quotes(command.from), path->quoted(), why));
  };
  if (path->names.empty())
    return refuse(errc::exists, "the latter exists");
  if (source->type == directory)
    return refuse(errc::refused, "the former is a directory, which has one name only");
  if (path->directory_only)
    return refuse(errc::refused, "the latter ends with a slash, so it can only be a directory");
  auto parent = resolve_parent(state, *path);
  if (!parent)
    return tl::unexpected{parent.error()};
  if (auto ok = check_room(state, parent->id, 0); !ok)
    return tl::unexpected{ok.error()};
  if (state.find_entry(parent->id, path->names.back()))
    return refuse(errc::exists, "the latter exists");
  auto inode = state.must_inode(source->id);
  if (inode.links == 0)
    return refuse(errc::not_found, "the former was removed");
  if (inode.links >= limits::links_max)
    return refuse(errc::refused,
                  fmt::format("the former has {} names, the most that are possible", inode.links));
  ++inode.links;
  inode.ctime_ns = state.time_ns();
  inode.version = state.index();
  state.put_inode(source->id, inode);
  state.put_entry(parent->id, path->names.back(), *source);
  touch_directory(state, parent->id, added(source->type));
  return changed{source->id, state.index(), state.time_ns()};
}

result<changed> run(state_transaction& state, const commands::unlink& command) {
  auto path = parse_path(command.where);
  if (!path)
    return tl::unexpected{path.error()};
  if (path->names.empty())
    return fail(errc::refused,
                path->at == root_inode
                    ? "the root can't be removed, only what is in it"
                    : fmt::format("can't remove {}: it has no name", in_quotes(command.where)));
  if (auto ok = check_mounts(state, command.keep_for); !ok)
    return tl::unexpected{ok.error()};
  auto gone = resolve(state, *path);
  if (!gone)
    return tl::unexpected{gone.error()};
  if (auto may = may_unlink(state, command, *path, *gone); !may)
    return tl::unexpected{may.error()};
  auto parent = resolve_parent(state, *path);
  if (!parent)
    return tl::unexpected{parent.error()};
  state.erase(keys::entry(parent->id, path->names.back()));
  touch_directory(state, parent->id, removed(gone->type));
  remove_name(state, *gone, parent->id, command.where, command.keep_for);
  return changed{gone->id, state.index(), state.time_ns()};
}

result<changed> run(state_transaction& state, const rename& command) {
  auto from = find_end(state, command.from);
  if (!from)
    return tl::unexpected{from.error()};
  if (!from->entry)
    return tl::unexpected{missing(from->path, from->path.names.size() - 1)};
  auto to = find_end(state, command.to);
  if (!to)
    return tl::unexpected{to.error()};
  if (auto ok = check_mounts(state, command.keep_for); !ok)
    return tl::unexpected{ok.error()};
  if (auto ok = check_room(state, to->parent.id, 0); !ok)
    return tl::unexpected{ok.error()};
  if (auto may = may_move(state, *from, *to); !may)
    return tl::unexpected{may.error()};
  if (to->entry && to->entry->id == from->entry->id && command.mode != rename::how::no_replace)
    return changed{from->entry->id, state.must_inode(from->entry->id).version, state.time_ns()};
  if (command.mode == rename::how::exchange)
    return exchange(state, *from, *to);
  if (to->entry)
    if (auto may = may_replace(state, command, *from, *to); !may)
      return tl::unexpected{may.error()};

  state.erase(keys::entry(from->parent.id, from->path.names.back()));
  state.put_entry(to->parent.id, to->path.names.back(), *from->entry);
  auto gained = added(from->entry->type);
  if (to->entry)
    gained = gained + removed(to->entry->type);
  touch_both(state, *from, removed(from->entry->type), *to, gained);
  note_moved(state, *from->entry, to->parent.id);
  if (to->entry)
    remove_name(state, *to->entry, to->parent.id, command.to, command.keep_for);
  return changed{from->entry->id, state.index(), state.time_ns()};
}

} // namespace dfs::state
