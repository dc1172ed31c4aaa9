#pragma once

#include "namespace/state_reader.hpp"

#include <atoll/core/state/transaction.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace dfs::state {

/// Changes the name space for one log entry after the other. For the applying thread.
class state_transaction final : public state_reader {
 public:
  /// @param meta the counters of the state; changes are kept there
  state_transaction(atl::transaction& rows, state::meta& meta)
      : state_reader{rows}, rows_{rows}, meta_{meta} {}

  state::meta& meta() { return meta_; }
  /// The version of what the applied entry changes: grows from entry to entry, also over a restore.
  std::uint64_t index() const { return meta_.index_base + rows_.index(); }
  /// The state's time, since 1970.
  std::uint64_t time_us() const { return rows_.time_us(); }
  /// The same, in nanoseconds, at most the largest number of them.
  std::int64_t time_ns() const;

  void put_entry(inode_id parent, std::string_view name, const dirent& value);
  void put_inode(inode_id id, const inode& value);
  void put_chunk(const chunk_id& id, const stored_chunk& value);
  void insert_inode(inode_id id, const inode& value);
  void put(std::string key, std::string value) { rows_.put(std::move(key), std::move(value)); }
  /// Puts a row that never existed.
  void insert(std::string key, std::string value) {
    rows_.insert(std::move(key), std::move(value));
  }
  void erase(const std::string& key) { rows_.erase(key); }

  using rows = atl::transaction::rows;
  /// The first rows that `scan` would visit, copied, so that they can be changed.
  rows first_rows(std::string_view prefix, std::string_view from, std::size_t limit) {
    return rows_.first_rows(prefix, from, limit);
  }

  /// Ends up to `limit` sessions that were idle for longer. @returns their number.
  std::uint32_t expire_sessions(std::uint64_t idle_us, std::uint32_t limit) {
    return rows_.expire_sessions(idle_us, limit);
  }

 private:
  atl::transaction& rows_;
  state::meta& meta_;
};

} // namespace dfs::state
