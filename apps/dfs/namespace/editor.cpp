#include "namespace/editor.hpp"

#include "namespace/keys.hpp"

namespace dfs::state {

void editor::put_entry(inode_id parent, std::string_view name, const dirent& value) {
  put(keys::entry(parent, name), encode(value));
}

void editor::put_inode(inode_id id, const inode& value) {
  put(keys::inode(id), encode(value));
}

void editor::put_chunk(const chunk_id& id, const stored_chunk& value) {
  put(keys::chunk(id), encode(value));
}

void editor::put_session(const session_id& id, const session_record& value) {
  put(keys::session(id), encode(value));
}

void editor::insert_inode(inode_id id, const inode& value) {
  insert(keys::inode(id), encode(value));
}

void editor::put_meta() {
  put(keys::meta(), encode(meta_));
}

void editor::put(std::string key, std::string value) {
  unwritten_.put(std::move(key), std::move(value));
}

void editor::insert(std::string key, std::string value) {
  unwritten_.insert(std::move(key), std::move(value));
}

void editor::erase(const std::string& key) {
  unwritten_.erase(key);
}

void editor::scan(std::string_view prefix, std::string_view from, const visitor& visit) {
  scan_table(db_, unwritten_, {}, prefix, from, visit);
}

editor::rows editor::first_rows(std::string_view prefix, std::string_view from, std::size_t limit) {
  rows found;
  if (limit > 0)
    scan(prefix, from, [&](std::string_view key, std::string_view value) {
      found.emplace_back(key, value);
      return found.size() < limit;
    });
  return found;
}

bool editor::get(const std::string& key, std::string& value) {
  if (auto* row = unwritten_.find(key)) {
    if (row->value)
      value = *row->value;
    return row->value.has_value();
  }
  if (auto* known = known_.find(key)) {
    if (*known)
      value = **known;
    return known->has_value();
  }
  auto status = db_.Get(read_options(reads::memory), key, &value);
  if (status.IsIncomplete()) {
    ++disk_reads_;
    status = db_.Get({}, key, &value);
  }
  if (status.ok())
    known_.put(key, value);
  else if (status.IsNotFound())
    known_.put(key, std::nullopt);
  else
    fail(status);
  return status.ok();
}

} // namespace dfs::state
