#include "namespace/state_reader.hpp"

#include "namespace/keys.hpp"

#include <fmt/format.h>

namespace dfs::state {

template <class Record>
std::optional<Record> state_reader::find(const std::string& key, std::string_view what) {
  std::string bytes;
  if (!rows_.get(key, bytes))
    return std::nullopt;
  Record record;
  if (!decode(bytes, record)) {
    fail_damaged(what);
    return std::nullopt;
  }
  return record;
}

std::optional<dirent> state_reader::find_entry(inode_id parent, std::string_view name) {
  return find<dirent>(keys::entry(parent, name), "a directory entry");
}

std::optional<stored_chunk> state_reader::find_chunk(const chunk_id& id) {
  return find<stored_chunk>(keys::chunk(id), "a chunk's record");
}

std::optional<storage_record> state_reader::find_storage(storage_id id) {
  return find<storage_record>(keys::storage(id), "a storage node's record");
}

bool state_reader::may_hold_fragments(storage_id id) {
  auto node = find_storage(id);
  return node && node->state != storage_state::dead && node->state != storage_state::forgotten;
}

std::optional<storage_id> state_reader::find_id(const std::string& key, std::string_view what) {
  std::string bytes;
  std::uint32_t id = 0;
  if (!rows_.get(key, bytes))
    return std::nullopt;
  if (!decode_id(bytes, id)) {
    fail_damaged(what);
    return std::nullopt;
  }
  return id;
}

std::optional<storage_id> state_reader::find_storage_by_name(std::string_view name) {
  return find_id(keys::storage_by_name(name), "a storage node's name");
}

std::optional<storage_id> state_reader::find_storage_by_uuid(std::string_view uuid) {
  return find_id(keys::storage_by_uuid(uuid), "a storage node's data folder");
}

std::optional<policy> state_reader::find_policy(policy_id id) {
  return find<policy>(keys::policy(id), "a policy");
}

std::optional<mount_record> state_reader::find_mount(mount_id id) {
  return find<mount_record>(keys::mount(id), "a mount's record");
}

std::optional<trash_record> state_reader::find_trash(std::uint64_t expires_us, inode_id id) {
  return find<trash_record>(keys::trash(expires_us, id), "a record of the trash");
}

std::optional<setting_record> state_reader::find_setting(std::string_view key) {
  return find<setting_record>(keys::setting(key), "a setting");
}

std::optional<std::string> state_reader::find_xattr(inode_id id, std::string_view name) {
  std::string bytes;
  std::string value;
  if (!rows_.get(keys::xattr(id, name), bytes))
    return std::nullopt;
  if (!decode_bytes(bytes, value)) {
    fail_damaged("an extended attribute");
    return std::nullopt;
  }
  return value;
}

bool state_reader::has(const std::string& key) {
  std::string bytes;
  return rows_.get(key, bytes);
}

std::optional<inode> state_reader::find_inode(inode_id id) {
  return find<inode>(keys::inode(id), "an inode");
}

inode state_reader::must_inode(inode_id id) {
  auto found = find_inode(id);
  if (!found)
    fail_damaged(fmt::format("inode {}, which an entry names,", id));
  return found.value_or(inode{});
}

stored_chunk state_reader::must_chunk(const chunk_id& id) {
  auto found = find_chunk(id);
  if (!found)
    fail_damaged(fmt::format("chunk {}, which a file refers to,", to_string(id)));
  return found.value_or(stored_chunk{});
}

meta state_reader::must_meta() {
  auto found = find<meta>(keys::meta(), "the record of the counters");
  if (!found)
    fail_damaged("the record of the counters");
  return found.value_or(meta{});
}

} // namespace dfs::state
