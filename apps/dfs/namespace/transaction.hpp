#pragma once

#include "namespace/row_cache.hpp"
#include "namespace/state_reader.hpp"
#include "namespace/write_buffer.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::state {

/// Changes the state for one log entry after the other. For the applying thread, while no other
/// thread reads.
class transaction final : public state_reader {
 public:
  /// @param known rows of the database
  /// @param buffer overrides the database, and receives the changes
  transaction(rocksdb::DB& db, row_cache& known, write_buffer& buffer, state::meta& meta)
      : db_{db}, known_{known}, buffer_{buffer}, meta_{meta} {}

  /// The counters and positions; changes take effect with `put_meta`.
  state::meta& meta() { return meta_; }
  void put_meta();

  void put_entry(inode_id parent, std::string_view name, const dirent& value);
  void put_inode(inode_id id, const inode& value);
  void insert_inode(inode_id id, const inode& value);
  void put_chunk(const chunk_id& id, const stored_chunk& value);
  void put_session(const session_id& id, const session_record& value);
  void put(std::string key, std::string value);
  /// Puts a row that never existed.
  void insert(std::string key, std::string value);
  void erase(const std::string& key);

  void scan(std::string_view prefix, std::string_view from, const visitor& visit) override;
  /// The first rows that `scan` would visit, copied, so that they can be changed.
  using rows = std::vector<std::pair<std::string, std::string>>;
  rows first_rows(std::string_view prefix, std::string_view from, std::size_t limit);

  /// The number of rows that were read from the disk.
  std::uint64_t disk_reads() const { return disk_reads_; }

 protected:
  bool get(const std::string& key, std::string& value) override;

 private:
  rocksdb::DB& db_;
  row_cache& known_;
  write_buffer& buffer_;
  state::meta& meta_;
  std::uint64_t disk_reads_ = 0;
};

} // namespace dfs::state
