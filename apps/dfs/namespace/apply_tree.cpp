#include "namespace/apply.hpp"
#include "namespace/keys.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using responses::changed;

namespace {

constexpr auto directory = inode_type::directory;

/// The directory that contains the path's last name. @returns an error if it doesn't exist.
result<dirent> parent_of(state_transaction& state, const parsed_path& path) {
  auto parents = path.names.size() - 1;
  auto at = walk(state, path, parents);
  if (!at)
    return tl::unexpected{at.error()};
  if (at->depth < parents)
    return tl::unexpected{missing(path, at->depth)};
  return at->last;
}

struct rename_paths {
  parsed_path from;
  parsed_path to;
};

result<rename_paths> parse(const commands::rename& command) {
  auto from = parse_path(command.from);
  if (!from)
    return tl::unexpected{from.error()};
  auto to = parse_path(command.to);
  if (!to)
    return tl::unexpected{to.error()};
  if (from->is_root() || to->is_root())
    return fail(errc::refused, fmt::format("can't rename {} to {}: the root stays where it is",
                                           in_quotes(command.from), in_quotes(command.to)));
  return rename_paths{*from, *to};
}

/// May `source` take the place of `target`?
atl::status may_replace(state_transaction& state, const commands::rename& command,
                        const dirent& source, const dirent& target) {
  auto refuse = [&](errc code, std::string_view why) {
    return fail(code, fmt::format("can't rename {} to {}: {}", in_quotes(command.from),
                                  in_quotes(command.to), why));
  };
  if (!command.overwrite)
    return refuse(errc::exists, "the latter exists, and overwriting wasn't asked for");
  if (target.type == directory && source.type != directory)
    return refuse(errc::refused, "the former is a file, the latter a directory");
  if (target.type != directory && source.type == directory)
    return refuse(errc::refused, "the former is a directory, the latter a file");
  if (target.type == directory && state.must_inode(target.id).entries > 0)
    return refuse(errc::refused, "the latter is a directory that isn't empty");
  return {};
}

} // namespace

dirent make_directories(state_transaction& state, const parsed_path& path, walked at,
                        std::size_t depth) {
  auto& meta = state.meta();
  for (; at.depth < depth; ++at.depth) {
    dirent made{meta.next_inode++, directory};
    state.put_inode(made.id, {.type = directory,
                              .size_bytes = 0,
                              .mtime_us = static_cast<std::int64_t>(state.time_us()),
                              .version = state.index(),
                              .entries = 0,
                              .extents = 0});
    state.put_entry(at.last.id, path.names[at.depth], made);
    touch_directory(state, at.last.id, 1);
    ++meta.directories;
    at.last = made;
  }
  return at.last;
}

void touch_directory(state_transaction& state, inode_id id, std::int64_t entries_gained) {
  auto inode = state.must_inode(id);
  inode.entries += static_cast<std::uint64_t>(entries_gained);
  inode.mtime_us = static_cast<std::int64_t>(state.time_us());
  inode.version = state.index();
  state.put_inode(id, inode);
}

result<changed> run(state_transaction& state, const commands::mkdir& command) {
  auto path = parse_path(command.path);
  if (!path)
    return tl::unexpected{path.error()};
  auto depth = path->names.size();
  path->directory_only = false; // a file in the way is handled below
  auto at = walk(state, *path, depth);
  if (!at)
    return tl::unexpected{at.error()};
  if (at->depth == depth) {
    if (!command.parents || at->last.type != directory)
      return fail(errc::exists, fmt::format("can't make directory {}: there is a {} already",
                                            in_quotes(command.path),
                                            at->last.type == directory ? "directory" : "file"));
    return changed{at->last.id, state.must_inode(at->last.id).version};
  }
  if (!command.parents && at->depth + 1 < depth)
    return tl::unexpected{missing(*path, at->depth)};
  auto made = make_directories(state, *path, *at, depth);
  return changed{made.id, state.index()};
}

result<changed> run(state_transaction& state, const commands::rename& command) {
  auto paths = parse(command);
  if (!paths)
    return tl::unexpected{paths.error()};
  const auto& [from, to] = *paths;
  auto source = resolve(state, from);
  if (!source)
    return tl::unexpected{source.error()};
  if (to.directory_only && source->type != directory)
    return fail(errc::refused, fmt::format("can't rename {} to {}: it is a file, not a directory",
                                           in_quotes(command.from), in_quotes(command.to)));
  if (from.names == to.names)
    return changed{source->id, state.must_inode(source->id).version};
  if (source->type == directory && from.contains(to))
    return fail(errc::refused, fmt::format("can't rename {} to {}: a directory can't be moved into "
                                           "itself",
                                           in_quotes(command.from), in_quotes(command.to)));
  auto from_parent = parent_of(state, from);
  if (!from_parent)
    return tl::unexpected{from_parent.error()};
  auto to_parent = parent_of(state, to);
  if (!to_parent)
    return tl::unexpected{to_parent.error()};
  auto target = state.find_entry(to_parent->id, to.names.back());
  if (target)
    if (auto may = may_replace(state, command, *source, *target); !may)
      return tl::unexpected{may.error()};

  state.erase(keys::entry(from_parent->id, from.names.back()));
  touch_directory(state, from_parent->id, -1);
  state.put_entry(to_parent->id, to.names.back(), *source);
  touch_directory(state, to_parent->id, target ? 0 : 1);
  if (target)
    reclaim_or_queue(state, *target);
  return changed{source->id, state.index()};
}

result<changed> run(state_transaction& state, const commands::remove& command) {
  auto path = parse_path(command.path);
  if (!path)
    return tl::unexpected{path.error()};
  if (path->is_root())
    return fail(errc::refused, "the root can't be removed, only what is in it");
  auto gone = resolve(state, *path);
  if (!gone)
    return tl::unexpected{gone.error()};
  if (gone->type == directory && !command.recursive && state.must_inode(gone->id).entries > 0)
    return fail(errc::refused, fmt::format("can't remove {}: the directory isn't empty; remove it "
                                           "with all that is in it, if that is meant",
                                           in_quotes(command.path)));
  auto parent = parent_of(state, *path);
  if (!parent)
    return tl::unexpected{parent.error()};
  state.erase(keys::entry(parent->id, path->names.back()));
  touch_directory(state, parent->id, -1);
  reclaim_or_queue(state, *gone);
  return changed{gone->id, state.index()};
}

} // namespace dfs::state
