#include "namespace/directories.hpp"

#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;

inode fresh_inode(const state_transaction& state, inode_type type) {
  inode made;
  made.type = type;
  made.links = type == inode_type::directory ? 2 : 1;
  made.atime_ns = made.mtime_ns = made.ctime_ns = made.btime_ns = state.time_ns();
  made.version = made.data_version = state.index();
  return made;
}

atl::status check_room(state_transaction& state, inode_id directory, std::size_t count) {
  if (state.must_inode(directory).links == 0)
    return fail(errc::not_found, fmt::format("the directory, inode {}, was removed", directory));
  if (state.meta().next_inode > inode_id_max - count)
    return fail(errc::refused, "no more inodes can be made: all ids have been given");
  return {};
}

dirent make_directories(state_transaction& state, const parsed_path& path, walked at,
                        std::size_t depth, const directory_attributes& attributes) {
  for (; at.depth < depth; ++at.depth) {
    dirent made{state.meta().next_inode++, inode_type::directory};
    auto inode = fresh_inode(state, made.type);
    inode.mode = attributes.mode;
    inode.uid = attributes.uid;
    inode.gid = attributes.gid;
    inode.parent = at.last.id;
    state.insert_inode(made.id, inode);
    state.put_entry(at.last.id, path.names[at.depth], made);
    touch_directory(state, at.last.id, added(made.type));
    ++state.meta().directories;
    at.last = made;
  }
  return at.last;
}

void touch_directory(state_transaction& state, inode_id id, entries_change change) {
  auto inode = state.must_inode(id);
  inode.entries += static_cast<std::uint64_t>(change.entries);
  inode.subdirectories += static_cast<std::uint32_t>(change.subdirectories);
  if (inode.links > 0)
    inode.links = 2 + inode.subdirectories;
  inode.mtime_ns = inode.ctime_ns = state.time_ns();
  inode.version = inode.data_version = state.index();
  state.put_inode(id, inode);
}

found_policy policy_in(state_reader& state, inode_id directory) {
  for (auto at = directory; at != 0;) {
    auto inode = state.find_inode(at);
    if (!inode)
      break; // above a directory that was removed
    if (inode->policy != no_policy)
      return {inode->policy, at};
    at = inode->parent;
  }
  return {};
}

} // namespace dfs::state
