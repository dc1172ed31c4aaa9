#pragma once

#include "namespace/row_cache.hpp"
#include "namespace/view.hpp"

#include <rocksdb/write_batch.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::state {

/// The effects of some log entries before they are written: lies over the database, so that later
/// entries see what earlier ones did. For the applying thread.
class transaction final : public view {
 public:
  transaction(rocksdb::DB& db, row_cache& known, const state::meta& meta)
      : db_{db}, known_{known}, meta_{meta} {}

  /// Written with the rest.
  state::meta& meta() { return meta_; }

  void put_entry(inode_id parent, std::string_view name, const dirent& value);
  void put_inode(inode_id id, const inode& value);
  void put_chunk(const chunk_id& id, const stored_chunk& value);
  void put_session(const session_id& id, const session_record& value);
  void put(std::string key, std::string value);
  void erase(std::string key);

  void scan(std::string_view prefix, std::string_view from, const visitor& visit) override;
  /// The first rows that `scan` would visit, copied, so that they can be changed.
  using rows = std::vector<std::pair<std::string, std::string>>;
  rows first_rows(std::string_view prefix, std::string_view from, std::size_t limit);

  /// All effects so far, with `meta`.
  rocksdb::WriteBatch batch() const;
  /// The batch is written: the cache may know of it.
  void written();

 protected:
  bool get(const std::string& key, std::string& value) override;

 private:
  rocksdb::DB& db_;
  row_cache& known_;
  state::meta meta_;
  std::map<std::string, std::optional<std::string>, std::less<>> changes_; ///< none: erased
};

} // namespace dfs::state
