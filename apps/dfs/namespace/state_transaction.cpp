#include "namespace/state_transaction.hpp"

#include "namespace/keys.hpp"

#include <algorithm>

namespace dfs::state {

std::int64_t state_transaction::time_ns() const {
  constexpr std::uint64_t us_max = INT64_MAX / 1000;
  return static_cast<std::int64_t>(std::min(time_us(), us_max) * 1000);
}

void state_transaction::put_entry(inode_id parent, std::string_view name, const dirent& value) {
  put(keys::entry(parent, name), encode(value));
}

void state_transaction::put_inode(inode_id id, const inode& value) {
  put(keys::inode(id), encode(value));
}

void state_transaction::put_chunk(const chunk_id& id, const stored_chunk& value) {
  put(keys::chunk(id), encode(value));
}

void state_transaction::insert_inode(inode_id id, const inode& value) {
  insert(keys::inode(id), encode(value));
}

} // namespace dfs::state
