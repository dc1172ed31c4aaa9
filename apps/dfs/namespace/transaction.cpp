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

void transaction::put(std::string key, std::string value) {
  changes_.insert_or_assign(std::move(key), std::move(value));
}

void transaction::erase(std::string key) {
  changes_.insert_or_assign(std::move(key), std::nullopt);
}

void transaction::scan(std::string_view prefix, std::string_view from, const visitor& visit) {
  if (failure())
    return;
  auto end = keys::end_of(prefix);
  auto bound = slice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  std::unique_ptr<rocksdb::Iterator> rows{db_.NewIterator(options)};
  rows->Seek(slice(from));
  auto change = changes_.lower_bound(from);
  auto changes_end = changes_.lower_bound(end);
  auto going = true;
  while (going && (rows->Valid() || change != changes_end)) {
    if (change == changes_end || (rows->Valid() && rows->key().ToStringView() < change->first)) {
      going = visit(rows->key().ToStringView(), rows->value().ToStringView());
      rows->Next();
      continue;
    }
    if (rows->Valid() && rows->key().ToStringView() == change->first)
      rows->Next();
    if (change->second)
      going = visit(change->first, *change->second);
    ++change;
  }
  if (!rows->status().ok())
    fail(rows->status());
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

rocksdb::WriteBatch transaction::batch() const {
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : changes_) {
    if (value)
      batch.Put(key, *value);
    else
      batch.Delete(key);
  }
  batch.Put(keys::meta(), encode(meta_));
  return batch;
}

void transaction::written() {
  for (auto& [key, value] : changes_)
    known_.put(key, std::move(value));
  changes_.clear();
}

bool transaction::get(const std::string& key, std::string& value) {
  if (auto change = changes_.find(key); change != changes_.end()) {
    if (change->second)
      value = *change->second;
    return change->second.has_value();
  }
  if (auto* known = known_.find(key)) {
    if (*known)
      value = **known;
    return known->has_value();
  }
  auto status = db_.Get({}, key, &value);
  if (status.ok())
    known_.put(key, value);
  else if (status.IsNotFound())
    known_.put(key, std::nullopt);
  else
    fail(status);
  return status.ok();
}

} // namespace dfs::state
