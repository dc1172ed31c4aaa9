#include "namespace/apply.hpp"
#include "namespace/content.hpp"
#include "namespace/directories.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/reclaim.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using atl::status;
using commands::make;

namespace {

constexpr auto directory = inode_type::directory;

status check_shape(const make& command, const parsed_path& path) {
  auto invalid = [&](std::string_view why) {
    return fail(errc::invalid, fmt::format("can't make {}: {}", path.quoted(), why));
  };
  const auto type = command.inode.type;
  if (path.directory_only && type != directory)
    return invalid(fmt::format("it can't be a {}: it ends with a slash", name_of(type)));
  if (command.inode.mode > 07777 || command.parents_mode > 07777)
    return invalid("a mode has 12 bits");
  auto is_device = type == inode_type::char_device || type == inode_type::block_device;
  if (command.inode.device != 0 && !is_device)
    return invalid(fmt::format("a {} has no device number", name_of(type)));
  if (type == inode_type::file)
    return {};
  if (command.size_bytes != 0)
    return invalid("only a file has a size of its own");
  if (type != inode_type::symlink)
    return command.content.empty() ? status{}
                                   : invalid(fmt::format("a {} has no content", name_of(type)));
  auto* target = command.content.size() == 1
                     ? std::get_if<std::string>(&command.content.front().content)
                     : nullptr;
  if (!target || target->empty() || target->size() > limits::symlink_bytes_max ||
      target->find('\0') != target->npos || command.content.front().offset_bytes != 0 ||
      command.content.front().length_bytes != target->size())
    return invalid(fmt::format("a symbolic link has a target of 1 to {} bytes without NUL",
                               limits::symlink_bytes_max));
  return {};
}

/// What there is at the path already: a success that changes nothing, or an error, or something
/// that may be replaced.
result<bool> may_replace(const make& command, const parsed_path& path, const dirent& there) {
  using if_exists = make::if_exists;
  const auto wanted = command.inode.type;
  if (command.existing == if_exists::keep && wanted == directory && there.type == directory)
    return false;
  if (wanted == directory)
    return fail(errc::exists, fmt::format("can't make directory {}: there is a {} already",
                                          path.quoted(), name_of(there.type)));
  if (there.type == directory)
    return fail(errc::refused, fmt::format("can't put {}: it is a directory", path.quoted()));
  if (command.existing != if_exists::replace)
    return fail(errc::exists,
                fmt::format("can't put {}: the {} exists, and overwriting wasn't asked for",
                            path.quoted(), name_of(there.type)));
  return true;
}

/// Bytes that a new file in the directory may have in the name space.
std::uint64_t inline_room(state_transaction& state, const make& command, policy_id id) {
  if (command.inode.type == inode_type::symlink)
    return limits::symlink_bytes_max;
  auto has_inline = std::ranges::any_of(command.content, [](const piece& part) {
    return std::holds_alternative<std::string>(part.content);
  });
  if (!has_inline)
    return 0;
  return state.find_policy(id).value_or(policy{}).inline_bytes_max;
}

inode inode_of(state_transaction& state, const make& command, policy_id policy) {
  auto made = fresh_inode(state, command.inode.type);
  made.mode = command.inode.mode;
  made.uid = command.inode.uid;
  made.gid = command.inode.gid;
  made.device = command.inode.device;
  made.atime_ns = command.inode.atime_ns.value_or(made.atime_ns);
  made.mtime_ns = command.inode.mtime_ns.value_or(made.mtime_ns);
  if (made.type == inode_type::file)
    made.policy = policy;
  return made;
}

void count_made(state_transaction& state, const inode& made) {
  auto& meta = state.meta();
  switch (made.type) {
  case inode_type::file:
    ++meta.files;
    meta.bytes += made.size_bytes;
    break;
  case inode_type::directory:
    ++meta.directories;
    break;
  default:
    ++meta.others;
  }
}

/// Makes the inode with its content, below a parent that exists.
dirent make_inode(state_transaction& state, const make& command, inode_id parent,
                  std::uint64_t size_bytes, policy_id policy) {
  dirent made{state.meta().next_inode++, command.inode.type};
  auto inode = inode_of(state, command, policy);
  inode.size_bytes = size_bytes;
  if (made.type == directory)
    inode.parent = parent;
  put_pieces(state, made.id, inode, command.content, 0, true);
  state.insert_inode(made.id, inode);
  count_made(state, inode);
  return made;
}

} // namespace

result<changed> run(state_transaction& state, const make& command) {
  auto path = parse_path(command.where);
  if (!path)
    return tl::unexpected{path.error()};
  if (auto ok = check_shape(command, *path); !ok)
    return tl::unexpected{ok.error()};
  auto depth = path->names.size();
  path->directory_only = false; // something else in the way is handled below
  auto at = walk(state, *path, depth);
  if (!at)
    return tl::unexpected{at.error()};
  const auto exists = at->depth == depth;
  if (exists) {
    auto may = may_replace(command, *path, at->last);
    if (!may)
      return tl::unexpected{may.error()};
    if (!*may)
      return changed{at->last.id, state.must_inode(at->last.id).version, state.time_ns()};
    if (depth == 0)
      return fail(errc::invalid, fmt::format("{} has no name, so nothing can take its place",
                                             in_quotes(command.where)));
  } else if (at->depth + 1 < depth && !command.parents) {
    return tl::unexpected{missing(*path, at->depth)};
  }

  auto nearest = exists ? resolve_parent(state, *path) : result<dirent>{at->last};
  if (!nearest)
    return tl::unexpected{nearest.error()};
  if (auto ok = check_room(state, nearest->id, depth - at->depth + 1); !ok)
    return tl::unexpected{ok.error()};
  auto policy =
      command.inode.type == inode_type::file ? policy_in(state, nearest->id).id : no_policy;
  auto end = check_pieces(state, command.content, 0, inline_room(state, command, policy));
  if (!end)
    return fail(end.error(), fmt::format("can't put {}", in_quotes(command.where)));
  if (command.size_bytes > limits::file_bytes_max)
    return fail(errc::invalid, fmt::format("can't put {}: a file has at most {} bytes",
                                           in_quotes(command.where), limits::file_bytes_max));

  auto parent =
      exists ? *nearest
             : make_directories(state, *path, *at, depth - 1,
                                {command.parents_mode, command.inode.uid, command.inode.gid});
  auto made = make_inode(state, command, parent.id, std::max(*end, command.size_bytes), policy);
  state.put_entry(parent.id, path->names.back(), made);
  touch_directory(state, parent.id, exists ? entries_change{} : added(made.type));
  if (exists)
    remove_name(state, at->last, parent.id, command.where, {});
  return changed{made.id, state.index(), state.time_ns()};
}

} // namespace dfs::state
