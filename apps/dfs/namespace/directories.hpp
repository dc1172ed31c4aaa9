#pragma once

#include "namespace/resolver.hpp"
#include "namespace/state_transaction.hpp"

#include <cstdint>
#include <vector>

/// Names and the inodes that they name, for the commands that change them.
namespace dfs::state {

/// What a new directory is given.
struct directory_attributes {
  std::uint16_t mode = 0755;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// The attributes that every new inode has at the state's time.
inode fresh_inode(const state_transaction& state, inode_type type);

/// Makes the missing directories of the path, from the end of `at` up to the `depth`-th name.
/// `check_room` was called before.
dirent make_directories(state_transaction& state, const parsed_path& path, walked at,
                        std::size_t depth, const directory_attributes& attributes);
/// Can `count` inodes be made in the directory? Errors: not_found if the directory was removed,
/// refused if no ids are left.
atl::status check_room(state_transaction& state, inode_id directory, std::size_t count);

/// How the entries of a directory change.
struct entries_change {
  std::int64_t entries = 0;
  std::int64_t subdirectories = 0;
};
/// A name of an inode of this type is added, or removed.
constexpr entries_change added(inode_type type) {
  return {1, type == inode_type::directory ? 1 : 0};
}
constexpr entries_change removed(inode_type type) {
  return {-1, type == inode_type::directory ? -1 : 0};
}
constexpr entries_change operator+(entries_change a, entries_change b) {
  return {a.entries + b.entries, a.subdirectories + b.subdirectories};
}
void touch_directory(state_transaction& state, inode_id id, entries_change change);

/// The policy that holds in a directory: its own, or that of the nearest directory above that has
/// one. The id is `no_policy` if there is none.
struct found_policy {
  policy_id id = no_policy;
  inode_id set_at = 0;
};
found_policy policy_in(state_reader& state, inode_id directory);

} // namespace dfs::state
