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

void transaction::put(std::string key, std::string value) {
  changes_[std::move(key)].value = std::move(value);
}

void transaction::insert(std::string key, std::string value) {
  changes_.insert_or_assign(std::move(key), row{std::move(value), true});
}

void transaction::erase(std::string key) {
  auto [change, added] = changes_.try_emplace(std::move(key));
  if (change->second.fresh)
    changes_.erase(change);
  else
    change->second.value = std::nullopt;
}

void transaction::scan(std::string_view prefix, std::string_view from, const visitor& visit) {
  if (failure())
    return;
  auto done = scan_layers(db_, {&unwritten_, &changes_}, from, keys::end_of(prefix), visit);
  if (!done.ok())
    fail(done);
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

row_map transaction::take_changes() {
  put(keys::meta(), encode(meta_));
  return std::exchange(changes_, {});
}

bool transaction::get(const std::string& key, std::string& value) {
  for (const auto* layer : {&std::as_const(changes_), &unwritten_})
    if (auto found = layer->find(key); found != layer->end()) {
      if (found->second.value)
        value = *found->second.value;
      return found->second.value.has_value();
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
