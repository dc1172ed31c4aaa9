#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace atl {

struct key_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

/// A cache of recently used rows of the database: the sessions, directories and files of successive
/// commands. Without it the look-ups took three quarters of the time of DFS's masters
/// (docs/adr/0001). For the applying thread only, which alone writes rows.
class row_cache {
 public:
  /// Above so many bytes of keys and values the cache is emptied; rows in use are soon cached
  /// again.
  static constexpr std::size_t bytes_max = 16u << 20;
  /// Larger rows aren't cached.
  static constexpr std::size_t row_bytes_max = 8u << 10;

  /// None: not cached. Otherwise the row in the database, or that there is no such row.
  const std::optional<std::string>* find(std::string_view key) const {
    auto it = rows_.find(key);
    return it == rows_.end() ? nullptr : &it->second;
  }

  void put(const std::string& key, std::optional<std::string> value) {
    auto size = key.size() + (value ? value->size() : 0) + overhead;
    auto [it, fresh] = rows_.try_emplace(key);
    if (!fresh)
      bytes_ -= size_of(*it);
    if (size > row_bytes_max) {
      rows_.erase(it);
      return;
    }
    it->second = std::move(value);
    bytes_ += size;
    if (bytes_ > bytes_max)
      clear();
  }

  void clear() {
    rows_.clear();
    bytes_ = 0;
  }

  std::size_t bytes() const { return bytes_; }

 private:
  using map =
      std::unordered_map<std::string, std::optional<std::string>, key_hash, std::equal_to<>>;
  static constexpr std::size_t overhead = 128; ///< approximate overhead of a row in memory

  static std::size_t size_of(const map::value_type& row) {
    return row.first.size() + (row.second ? row.second->size() : 0) + overhead;
  }

  map rows_;
  std::size_t bytes_ = 0;
};

} // namespace atl
