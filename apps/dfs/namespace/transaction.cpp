#include "namespace/transaction.hpp"

#include "namespace/keys.hpp"

namespace dfs::state {

void transaction::put_entry(inode_id parent, std::string_view name, const dirent& value) {
  put(keys::entry(parent, name), encode(value));
}

void transaction::put_inode(inode_id id, const inode& value) {
  put(keys::inode(id), encode(value));
}

void transaction::put_chunk(const chunk_id& id, const stored_chunk& value) {
  put(keys::chunk(id), encode(value));
}

void transaction::put_session(const session_id& id, const session_record& value) {
  put(keys::session(id), encode(value));
}

void transaction::insert_inode(inode_id id, const inode& value) {
  insert(keys::inode(id), encode(value));
}

void transaction::put_meta() {
  put(keys::meta(), encode(meta_));
}

void transaction::put(std::string key, std::string value) {
  buffer_.put(std::move(key), std::move(value));
}

void transaction::insert(std::string key, std::string value) {
  buffer_.insert(std::move(key), std::move(value));
}

void transaction::erase(const std::string& key) {
  buffer_.erase(key);
}

void transaction::scan(std::string_view prefix, std::string_view from, const visitor& visit) {
  scan_table(db_, buffer_, {}, prefix, from, visit);
}

transaction::rows transaction::first_rows(std::string_view prefix, std::string_view from,
                                          std::size_t limit) {
  rows found;
  if (limit > 0)
    scan(prefix, from, [&](std::string_view key, std::string_view value) {
      found.emplace_back(key, value);
      return found.size() < limit;
    });
  return found;
}

bool transaction::get(const std::string& key, std::string& value) {
  if (auto* row = buffer_.find(key)) {
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
