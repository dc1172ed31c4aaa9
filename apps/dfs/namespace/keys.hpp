#pragma once

#include "common/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The keys of the database: a letter for the table, then ids in big-endian, so that the order of
/// the bytes is the order of the ids, then a name where there is one.
namespace dfs::state::keys {

/// The one record of counts.
std::string meta();

std::string entry(inode_id parent, std::string_view name);
std::string entries_of(inode_id parent);
std::string inode(inode_id id);
/// The bytes of a file that end before `end`. By their end, so that the first ones beyond an offset
/// are found by one step forward.
std::string extent(inode_id id, std::uint64_t end);
std::string extents_of(inode_id id);
std::string xattr(inode_id id, std::string_view name);
std::string xattrs_of(inode_id id);
/// Removed trees and files that are still to be reclaimed.
std::string orphan(inode_id id);
std::string all_orphans();

/// What can be restored, in the order in which it expires.
std::string trash(std::uint64_t expires_us, inode_id id);
std::string all_trash();
/// Directories in the trash whose files are still to be counted.
std::string trash_walk(inode_id id);
std::string all_trash_walks();

std::string chunk(const chunk_id& id);
std::string all_chunks();
/// The index entry that a fragment is on a node.
std::string fragment_on(storage_id node, const chunk_id& chunk, std::uint8_t fragment);
std::string chunk_on(storage_id node, const chunk_id& chunk);
std::string all_on(storage_id node);
/// The index entry of a chunk that lacks fragments. @param spare the losses that it still survives,
/// plus 1; 0: it lacks more than its scheme promises to survive
std::string incomplete(std::uint8_t spare, const chunk_id& chunk);
std::string all_incomplete();

std::string storage(storage_id id);
std::string all_storages();
std::string storage_by_name(std::string_view name);
std::string storage_by_uuid(std::string_view uuid);

std::string policy(policy_id id);
std::string all_policies();
/// @param digest of the policy: policies with equal digests share the key's beginning
std::string policy_by_digest(std::uint64_t digest, policy_id id);
std::string policies_with_digest(std::uint64_t digest);
std::string setting(std::string_view key);
std::string all_settings();

std::string mount(mount_id id);
std::string all_mounts();
/// An inode without a name that a mount has open.
std::string held_by(mount_id mount, inode_id inode);
std::string all_held_by(mount_id mount);

/// The letters of the tables whose rows are never read in order, only looked up.
std::string_view lookup_only();

/// The first key after all that begin with `prefix`. (No table's letter is 0xff.)
std::string end_of(std::string_view prefix);

/// The ids in a key, after its letter; none if the key is too short.
std::optional<inode_id> inode_in(std::string_view key);
/// The id of a storage node, mount or policy.
std::optional<std::uint32_t> id_in(std::string_view key);
std::optional<chunk_id> chunk_in(std::string_view key);
/// The end in a key that `extent` made.
std::optional<std::uint64_t> extent_end_in(std::string_view key);
/// The chunk in a key that `fragment_on` made.
std::optional<chunk_id> chunk_on_node_in(std::string_view key);
/// The spare and the chunk in a key that `incomplete` made.
struct incomplete_chunk {
  std::uint8_t spare = 0;
  chunk_id chunk;
};
std::optional<incomplete_chunk> incomplete_in(std::string_view key);
/// The policy in a key that `policy_by_digest` made.
std::optional<policy_id> policy_with_digest_in(std::string_view key);
/// The inode in a key that `held_by` made.
std::optional<inode_id> held_in(std::string_view key);
/// The time and the inode in a key that `trash` made.
struct trash_key {
  std::uint64_t expires_us = 0;
  inode_id inode = 0;

  friend bool operator==(const trash_key&, const trash_key&) = default;
};
std::optional<trash_key> trash_in(std::string_view key);
/// The name in a key that `entry` or `xattr` made.
std::string_view name_in(std::string_view key);
/// The text in a key that `setting` made.
std::string_view setting_in(std::string_view key);

} // namespace dfs::state::keys
