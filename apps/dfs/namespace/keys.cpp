#include "namespace/keys.hpp"

#include <algorithm>
#include <concepts>

namespace dfs::state::keys {

namespace {

enum table : char {
  xattrs = 'a',
  chunks = 'c',
  entries = 'd',
  fragments = 'f',
  inodes = 'i',
  settings = 'k',
  metas = 'm',
  held = 'o',
  policies = 'p',
  orphans = 't',
  incompletes = 'u',
  trash_walks = 'w',
  extents = 'x',
  mounts = 'M',
  storage_names = 'N',
  policy_digests = 'P',
  storages = 'S',
  trashed = 'T',
  storage_uuids = 'U',
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
std::string extent(inode_id id, std::uint64_t end) {
  return make(extents, id, end);
}
std::string extents_of(inode_id id) {
  return make(extents, id);
}
std::string xattr(inode_id id, std::string_view name) {
  return make(xattrs, id, name);
}
std::string xattrs_of(inode_id id) {
  return make(xattrs, id);
}
std::string orphan(inode_id id) {
  return make(orphans, id);
}
std::string all_orphans() {
  return make(orphans);
}

std::string trash(std::uint64_t expires_us, inode_id id) {
  return make(trashed, expires_us, id);
}
std::string all_trash() {
  return make(trashed);
}
std::string trash_walk(inode_id id) {
  return make(trash_walks, id);
}
std::string all_trash_walks() {
  return make(trash_walks);
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

std::string incomplete(std::uint8_t spare, const chunk_id& chunk) {
  return make(incompletes, spare, chunk);
}
std::string all_incomplete() {
  return make(incompletes);
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

std::string policy(policy_id id) {
  return make(policies, id);
}
std::string all_policies() {
  return make(policies);
}
std::string policy_by_digest(std::uint64_t digest, policy_id id) {
  return make(policy_digests, digest, id);
}
std::string policies_with_digest(std::uint64_t digest) {
  return make(policy_digests, digest);
}
std::string setting(std::string_view key) {
  return make(settings, key);
}
std::string all_settings() {
  return make(settings);
}

std::string mount(mount_id id) {
  return make(mounts, id);
}
std::string all_mounts() {
  return make(mounts);
}
std::string held_by(mount_id mount, inode_id inode) {
  return make(held, mount, inode);
}
std::string all_held_by(mount_id mount) {
  return make(held, mount);
}

std::string_view lookup_only() {
  static constexpr char letters[] = {inodes, metas, storage_names, storage_uuids};
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

std::optional<std::uint32_t> id_in(std::string_view key) {
  if (key.size() < 1 + sizeof(std::uint32_t))
    return std::nullopt;
  return value_at<std::uint32_t>(key, 1);
}

std::optional<chunk_id> chunk_in(std::string_view key) {
  return chunk_at(key, 1);
}

std::optional<std::uint64_t> extent_end_in(std::string_view key) {
  constexpr auto offset = 1 + sizeof(inode_id);
  if (key.size() != offset + sizeof(std::uint64_t))
    return std::nullopt;
  return value_at<std::uint64_t>(key, offset);
}

std::optional<chunk_id> chunk_on_node_in(std::string_view key) {
  return chunk_at(key, 1 + sizeof(storage_id));
}

std::optional<incomplete_chunk> incomplete_in(std::string_view key) {
  auto chunk = chunk_at(key, 2);
  if (!chunk)
    return std::nullopt;
  return incomplete_chunk{value_at<std::uint8_t>(key, 1), *chunk};
}

std::optional<policy_id> policy_with_digest_in(std::string_view key) {
  constexpr auto offset = 1 + sizeof(std::uint64_t);
  if (key.size() != offset + sizeof(policy_id))
    return std::nullopt;
  return value_at<policy_id>(key, offset);
}

std::optional<inode_id> held_in(std::string_view key) {
  constexpr auto offset = 1 + sizeof(mount_id);
  if (key.size() != offset + sizeof(inode_id))
    return std::nullopt;
  return value_at<inode_id>(key, offset);
}

std::optional<trash_key> trash_in(std::string_view key) {
  constexpr auto offset = 1 + sizeof(std::uint64_t);
  if (key.size() != offset + sizeof(inode_id))
    return std::nullopt;
  return trash_key{value_at<std::uint64_t>(key, 1), value_at<inode_id>(key, offset)};
}

std::string_view name_in(std::string_view key) {
  return key.substr(std::min(key.size(), 1 + sizeof(inode_id)));
}

std::string_view setting_in(std::string_view key) {
  return key.substr(std::min<std::size_t>(key.size(), 1));
}

} // namespace dfs::state::keys
