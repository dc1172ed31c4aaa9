#pragma once

#include "namespace/row_cache.hpp"
#include "namespace/state_reader.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dfs::state {

/// A row as some log entries left it.
struct row {
  std::optional<std::string> value; ///< none: erased
  /// What lies below never held it: once it is erased, nothing is left to be said of it.
  bool fresh = false;
};

/// What the database hasn't been told yet. Rows that many commands change, as directories and
/// sessions are, and files that live shortly, reach it once, or never: the log has all of it until
/// it is there.
///
/// Rows of tables that are read in order (`keys::is_in_order`) are kept in order; the others are
/// found by a hash, which takes less time.
class write_buffer {
 public:
  /// None: it has nothing to say of the row.
  const row* find(std::string_view key) const;
  void put(std::string key, std::string value);
  /// A row that was never there.
  void insert(std::string key, std::string value);
  void erase(const std::string& key);

  bool empty() const { return in_order_.empty() && others_.empty(); }
  /// Of keys and values, about.
  std::size_t bytes() const { return bytes_; }
  void visit(const std::function<void(const std::string& key, const row& it)>& visitor) const;
  /// The database has all of it; nothing is left but what a cache remembers.
  void move_to(row_cache& known);

  using ordered = std::map<std::string, row, std::less<>>;
  /// Those that are read in order.
  const ordered& in_order() const { return in_order_; }
  /// A copy of all.
  ordered all_in_order() const;

 private:
  using hashed = std::unordered_map<std::string, row, key_hash, std::equal_to<>>;

  row& at(std::string key, bool fresh);
  void set(row& it, std::string value);

  ordered in_order_;
  hashed others_;
  std::size_t bytes_ = 0;
};

/// Visits the keys from `from` up to but without `end` (empty: all) in order, as they are when
/// `rows` lie over the database.
rocksdb::Status scan_over(rocksdb::DB& db, const write_buffer::ordered& rows,
                          const rocksdb::ReadOptions& how, std::string_view from,
                          std::string_view end, const visitor& visit);

} // namespace dfs::state
