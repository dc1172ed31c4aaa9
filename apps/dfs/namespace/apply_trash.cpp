#include "namespace/apply.hpp"
#include "namespace/directories.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/reclaim.hpp"
#include "namespace/trash.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using atl::status;

namespace {

/// Whether something from the trash may get the name at the path.
status may_restore(state_transaction& state, inode_id id, const inode& kept,
                   const parsed_path& path, const walked& at) {
  auto refuse = [&](errc code, std::string_view why) {
    return fail(code, fmt::format("can't restore {}: {}", path.quoted(), why));
  };
  if (at.depth == path.names.size())
    return refuse(errc::exists, "it exists; remove it, or say another place to restore to");
  if (path.directory_only && kept.type != inode_type::directory)
    return refuse(errc::invalid,
                  fmt::format("it is a {}, and the place ends with a slash", name_of(kept.type)));
  if (auto ok = check_room(state, at.last.id, path.names.size() - at.depth); !ok)
    return ok;
  if (kept.type == inode_type::directory && is_within(state, at.last.id, id))
    return refuse(errc::refused, "a directory can't be moved into itself");
  return {};
}

} // namespace

result<changed> run(state_transaction& state, const commands::restore& command) {
  auto kept = state.find_inode(command.inode);
  if (!kept || kept->trash_expires_us == 0)
    return fail(errc::not_found, fmt::format("inode {} isn't in the trash", command.inode));
  if (command.parents_mode > 07777)
    return fail(errc::invalid, "a mode has 12 bits");
  auto where = command.to ? *command.to : must_trash_record(state, command.inode, *kept).from;
  auto path = parse_path(where);
  if (!path)
    return tl::unexpected{path.error()};
  auto depth = path->names.size();
  auto must_be_directory = std::exchange(path->directory_only, false); // `may_restore` checks that
  auto at = walk(state, *path, depth);
  if (!at)
    return fail(at.error(), fmt::format("can't restore inode {}", command.inode));
  path->directory_only = must_be_directory;
  if (auto may = may_restore(state, command.inode, *kept, *path, *at); !may)
    return tl::unexpected{may.error()};
  take_from_trash(state, command.inode, *kept);
  auto parent = make_directories(state, *path, *at, depth - 1,
                                 {command.parents_mode, command.uid, command.gid});
  state.put_entry(parent.id, path->names.back(), dirent{command.inode, kept->type});
  touch_directory(state, parent.id, added(kept->type));
  kept->links = 1;
  if (kept->type == inode_type::directory) {
    kept->links = 2 + kept->subdirectories;
    kept->parent = parent.id;
  }
  kept->ctime_ns = state.time_ns();
  kept->version = state.index();
  state.put_inode(command.inode, *kept);
  return changed{command.inode, state.index(), state.time_ns()};
}

result<responses::discarded> run(state_transaction& state, const commands::discard& command) {
  if (command.inodes.size() > limits::discards_max)
    return fail(errc::invalid, fmt::format("{} inodes are too many for one command, at most {} are "
                                           "possible",
                                           command.inodes.size(), limits::discards_max));
  responses::discarded answer;
  for (auto id : command.inodes) {
    auto kept = state.find_inode(id);
    if (!kept || kept->trash_expires_us == 0)
      continue;
    answer.bytes += discard(state, id, *kept).bytes;
    ++answer.entries;
  }
  return answer;
}

} // namespace dfs::state
