#pragma once

#include "namespace/view.hpp"

#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::state {

/// A row as some log entries left it.
struct row {
  std::optional<std::string> value; ///< none: erased
  /// What lies below never held it: once it is erased, nothing is left to be said of it.
  bool fresh = false;
};

using row_map = std::map<std::string, row, std::less<>>;

/// What the database hasn't been told yet. Rows that many commands change, as directories and
/// sessions are, and files that live shortly, reach it once, or never: the log has all of it until
/// it is there.
class unwritten_rows {
 public:
  const row_map& rows() const { return rows_; }
  /// Of keys and values, about.
  std::size_t bytes() const { return bytes_; }

  /// Lays changes over what is there.
  void take(row_map changes);
  /// All of it; nothing is left.
  row_map release();

 private:
  row_map rows_;
  std::size_t bytes_ = 0;
};

/// Visits the keys from `from` up to but without `end` (empty: all) in order, as they are when the
/// layers lie over the database, the last on top.
rocksdb::Status scan_layers(rocksdb::DB& db, std::initializer_list<const row_map*> layers,
                            std::string_view from, std::string_view end, const visitor& visit);

} // namespace dfs::state
