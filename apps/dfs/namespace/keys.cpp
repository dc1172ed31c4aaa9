#include "namespace/keys.hpp"

#include <algorithm>
#include <concepts>

namespace dfs::state::keys {

namespace {

enum table : char {
  chunks = 'c',
  entries = 'd',
  fragments = 'f',
  inodes = 'i',
  contents = 'l',
  metas = 'm',
  storages = 'S',
  storage_names = 'N',
  storage_uuids = 'U',
  orphans = 't',
  extents = 'x',
};

void append(std::string& key, std::unsigned_integral auto value) {
  char bytes[sizeof(value)];
  for (std::size_t i = 0; i < sizeof(value); ++i)
    bytes[i] = static_cast<char>(value >> (8 * (sizeof(value) - 1 - i)));
  key.append(bytes, sizeof(value));
}
void append(std::string& key, std::string_view text) {
  key.append(text);
}
void append(std::string& key, const chunk_id& id) {
  append(key, id.made_us);
  append(key, id.random);
}

template <class... Parts>
std::string make(table letter, const Parts&... parts) {
  std::string key(1, letter);
  (append(key, parts), ...);
  return key;
}

template <std::unsigned_integral Value>
Value value_at(std::string_view key, std::size_t offset) {
  Value value = 0;
  for (std::size_t i = 0; i < sizeof(Value); ++i)
    value = static_cast<Value>((value << 8) | static_cast<unsigned char>(key[offset + i]));
  return value;
}

std::optional<chunk_id> chunk_at(std::string_view key, std::size_t offset) {
  if (key.size() < offset + 16)
    return std::nullopt;
  return chunk_id{value_at<std::uint64_t>(key, offset), value_at<std::uint64_t>(key, offset + 8)};
}

} // namespace

std::string meta() {
  return make(metas);
}

std::string entry(inode_id parent, std::string_view name) {
  return make(entries, parent, name);
}
std::string entries_of(inode_id parent) {
  return make(entries, parent);
}
std::string inode(inode_id id) {
  return make(inodes, id);
}
std::string content(inode_id id) {
  return make(contents, id);
}
std::string extent(inode_id id, std::uint32_t index) {
  return make(extents, id, index);
}
std::string extents_of(inode_id id) {
  return make(extents, id);
}
std::string orphan(inode_id id) {
  return make(orphans, id);
}
std::string all_orphans() {
  return make(orphans);
}

std::string chunk(const chunk_id& id) {
  return make(chunks, id);
}
std::string all_chunks() {
  return make(chunks);
}
std::string fragment_on(storage_id node, const chunk_id& chunk, std::uint8_t fragment) {
  return make(fragments, node, chunk, fragment);
}
std::string chunk_on(storage_id node, const chunk_id& chunk) {
  return make(fragments, node, chunk);
}
std::string all_on(storage_id node) {
  return make(fragments, node);
}

std::string storage(storage_id id) {
  return make(storages, id);
}
std::string all_storages() {
  return make(storages);
}
std::string storage_by_name(std::string_view name) {
  return make(storage_names, name);
}
std::string storage_by_uuid(std::string_view uuid) {
  return make(storage_uuids, uuid);
}

std::string_view lookup_only() {
  static constexpr char letters[] = {contents, inodes, metas, storage_names, storage_uuids};
  return {letters, sizeof letters};
}

std::string end_of(std::string_view prefix) {
  std::string end{prefix};
  while (static_cast<unsigned char>(end.back()) == 0xff)
    end.pop_back();
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::optional<inode_id> inode_in(std::string_view key) {
  if (key.size() < 1 + sizeof(inode_id))
    return std::nullopt;
  return value_at<inode_id>(key, 1);
}

std::optional<storage_id> storage_in(std::string_view key) {
  if (key.size() < 1 + sizeof(storage_id))
    return std::nullopt;
  return value_at<storage_id>(key, 1);
}

std::optional<chunk_id> chunk_in(std::string_view key) {
  return chunk_at(key, 1);
}

std::optional<chunk_id> chunk_on_node_in(std::string_view key) {
  return chunk_at(key, 1 + sizeof(storage_id));
}

std::string_view name_in(std::string_view key) {
  return key.substr(std::min(key.size(), 1 + sizeof(inode_id)));
}

} // namespace dfs::state::keys
