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

std::optional<storage_id> state_reader::find_storage_by_name(std::string_view name) {
  return find<storage_id>(keys::storage_by_name(name), "a storage node's name");
}

std::optional<storage_id> state_reader::find_storage_by_uuid(std::string_view uuid) {
  return find<storage_id>(keys::storage_by_uuid(uuid), "a storage node's data folder");
}

inode state_reader::must_inode(inode_id id) {
  auto found = find<inode>(keys::inode(id), "an inode");
  if (!found)
    fail_damaged(fmt::format("inode {}, which an entry names,", id));
  return found.value_or(inode{});
}

std::string state_reader::must_content(inode_id id, std::uint64_t size_bytes) {
  std::string bytes;
  if (size_bytes == 0)
    return bytes;
  if (!rows_.get(keys::content(id), bytes) || bytes.size() != size_bytes)
    fail_damaged(fmt::format("the content of inode {}", id));
  return bytes;
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
