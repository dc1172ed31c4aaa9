#pragma once

#include "row_index.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace atl {

/// A cache of rows of the database: the sessions, directories and files of successive commands.
/// Without it the look-ups took three quarters of the time of DFS's masters (docs/adr/0001). For
/// the applying thread only, which alone writes rows.
///
/// When the cache is full, it forgets the rows that were not used for longest. The order is that of
/// a segmented LRU (Karedla, Love, Wherry, *Caching strategies to improve disk system performance*,
/// 1994): a row that was used again since it was cached is protected, and rows that are used once,
/// such as those of new files, can't displace protected rows. All calls take constant time, apart
/// from the rows that a large row displaces.
class row_cache {
 public:
  /// Larger rows aren't cached.
  static constexpr std::size_t row_bytes_max = 8u << 10;

  /// @param bytes_max bound of the memory: rows with the overhead of their allocation, and the
  /// index
  explicit row_cache(std::size_t bytes_max) : bytes_max_{bytes_max} {}
  row_cache(const row_cache&) = delete;
  row_cache& operator=(const row_cache&) = delete;
  ~row_cache() { clear(); }

  struct found {
    bool exists = false; ///< does the database have the row?
    std::string_view value;
  };
  /// None: not cached. The view is valid until the next `put` or `clear`.
  std::optional<found> find(std::string_view key);
  /// Like `find`, and doesn't count as use.
  bool contains(std::string_view key) const;

  /// @param value none: the database has no such row
  void put(std::string_view key, std::optional<std::string_view> value);
  void clear();

  /// The memory in use.
  std::size_t bytes() const { return probation_.bytes + protected_.bytes + index_.bytes(); }
  std::size_t index_bytes() const { return index_.bytes(); }
  std::size_t rows() const { return index_.rows(); }

 private:
  /// Rows in the order of their use.
  struct segment {
    cached_row* newest = nullptr;
    cached_row* oldest = nullptr;
    std::size_t bytes = 0;

    void add(cached_row& row);
    void remove(cached_row& row);
  };

  segment& segment_of(const cached_row& row) { return row.is_protected ? protected_ : probation_; }
  void use(cached_row& row);
  void protect(cached_row& row);
  void drop(cached_row& row);
  void make_room();

  std::size_t bytes_max_;
  row_index index_;
  segment probation_;
  segment protected_;
};

} // namespace atl
