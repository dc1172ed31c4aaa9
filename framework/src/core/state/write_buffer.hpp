#pragma once

#include "row_key_hash.hpp"

#include <atoll/core/state/row_reader.hpp>

#include <rocksdb/db.h>

#include <bitset>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace atl {

class row_cache;

/// The value of a row after some log entries.
struct row {
  std::optional<std::string> value; ///< none: erased
  /// The database never held the row: once the row is erased, the buffer can forget it.
  bool fresh = false;
  bool used = false; ///< did a command look the row up?
};

/// Changes that are not written to the database yet. Rows that many commands change, such as
/// directories and sessions, are written once for many changes, and short-lived files never; the
/// log has the changes until then.
///
/// Rows of tables that are read in order are kept in order; the others are found by a hash, which
/// takes less time. Keys are not empty.
///
/// Changes that another thread writes into the database are set aside meanwhile: look-ups find them
/// under the changes that were made since.
class write_buffer {
 public:
  /// @param lookup_only the first bytes of the keys that are never read in order
  explicit write_buffer(std::string_view lookup_only);

  /// Are rows with the key's first byte ever read in order?
  bool is_in_order(std::string_view key) const {
    return !lookup_only_[static_cast<unsigned char>(key.front())];
  }

  /// None: the buffer has no change of the row.
  const row* find(std::string_view key) const;
  /// Like `find`, for a command that looks the row up.
  const row* use(std::string_view key);
  void put(std::string key, std::string value);
  /// A row that the database never held.
  void insert(std::string key, std::string value);
  void erase(const std::string& key);

  /// Takes all changes aside. @pre none are aside @returns these changes, to be read by one other
  /// thread; look-ups here may mark rows of theirs as used meanwhile
  std::shared_ptr<const write_buffer> set_aside();
  /// Forgets the changes that are aside, because the database has them. @returns them; null: none
  /// were aside
  std::shared_ptr<const write_buffer> drop_aside();
  const write_buffer* aside() const { return aside_.get(); } ///< null: none

  // Of the changes that aren't aside:
  bool empty() const { return in_order_.empty() && others_.empty(); }
  /// Approximate bytes of keys and values.
  std::size_t bytes() const { return bytes_; }
  using change_visitor = std::function<void(const std::string& key, const row& it)>;
  void visit(const change_visitor& visitor) const;
  /// Visits first the rows that are kept in order, then the others, sorted by their keys, too: in
  /// this order the database takes them in half of the time.
  void visit_sorted(const change_visitor& visitor) const;
  /// Copies rows to the cache, after they were written to the database: those that commands looked
  /// up before or after the change; most others, those of new files, are not read soon.
  void copy_to(row_cache& known) const;

  using ordered = std::map<std::string, row, std::less<>>;
  /// The rows that are read in order.
  const ordered& in_order() const { return in_order_; }

  /// A copy of all changes, with those that are aside.
  ordered all_in_order() const;

 private:
  using hashed = std::unordered_map<std::string, row, key_hash, std::equal_to<>>;

  const row* find_here(std::string_view key) const;
  row& at(std::string key, bool fresh);
  void set(row& it, std::string value);

  std::bitset<256> lookup_only_; ///< by the first byte of a key
  ordered in_order_;
  hashed others_;
  std::size_t bytes_ = 0;
  std::shared_ptr<write_buffer> aside_; ///< has none aside itself
};

/// Visits the keys that begin with `prefix`, in order, from `from` on, as they are when `rows` lie
/// over the database. @returns `NotSupported` for a prefix of keys that have no order
rocksdb::Status scan_prefix(rocksdb::DB& db, const write_buffer& rows,
                            const rocksdb::ReadOptions& how, std::string_view prefix,
                            std::string_view from, const row_visitor& visit);

/// Visits the keys from `from` up to but without `end` (empty: all) in order, as they are when
/// `rows` lie over the database.
rocksdb::Status scan_over(rocksdb::DB& db, const write_buffer::ordered& rows,
                          const rocksdb::ReadOptions& how, std::string_view from,
                          std::string_view end, const row_visitor& visit);

} // namespace atl
