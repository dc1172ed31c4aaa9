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
std::string content(inode_id id);
std::string extent(inode_id id, std::uint32_t index);
std::string extents_of(inode_id id);
/// Removed trees and files that are still to be reclaimed.
std::string orphan(inode_id id);
std::string all_orphans();

std::string chunk(const chunk_id& id);
std::string all_chunks();
/// The index entry that a fragment is on a node.
std::string fragment_on(storage_id node, const chunk_id& chunk, std::uint8_t fragment);
std::string chunk_on(storage_id node, const chunk_id& chunk);
std::string all_on(storage_id node);

std::string storage(storage_id id);
std::string all_storages();
std::string storage_by_name(std::string_view name);
std::string storage_by_uuid(std::string_view uuid);

/// The data folder that a replica's id stands for.

/// The letters of the tables whose rows are never read in order, only looked up.
std::string_view lookup_only();

/// The first key after all that begin with `prefix`. (No table's letter is 0xff.)
std::string end_of(std::string_view prefix);

/// The ids in a key, after its letter; none if the key is too short.
std::optional<inode_id> inode_in(std::string_view key);
std::optional<storage_id> storage_in(std::string_view key);
std::optional<chunk_id> chunk_in(std::string_view key);
/// The chunk in a key that `fragment_on` made.
std::optional<chunk_id> chunk_on_node_in(std::string_view key);
/// The name in a key that `entry` made.
std::string_view name_in(std::string_view key);

} // namespace dfs::state::keys
