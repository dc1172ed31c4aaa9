#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace atl {

/// A row in the `row_cache`, in one piece of memory: this header, then the bytes of the key and of
/// the value. A row takes half of the memory that it would take as two strings in a standard map.
struct cached_row {
  static constexpr std::uint16_t no_value = 0xffff; ///< the database has no such row

  cached_row* next = nullptr;  ///< in the same bucket of the `row_index`
  cached_row* newer = nullptr; ///< in the order of use; of the newest row, and of a lone one: none
  cached_row* older = nullptr;
  std::uint32_t hash = 0; ///< of the key
  std::uint16_t key_bytes : 15 = 0;
  std::uint16_t is_protected : 1 = 0; ///< was it used again since it was cached?
  std::uint16_t value_bytes = no_value;

  /// What the allocator takes for a row: its own word of 8 bytes, and the remainder to 16.
  static constexpr std::size_t allocated_bytes(std::size_t key_bytes, std::size_t value_bytes) {
    return (sizeof(cached_row) + key_bytes + value_bytes + 8 + 15) / 16 * 16;
  }

  bool has_value() const { return value_bytes != no_value; }
  std::size_t allocated() const {
    return allocated_bytes(key_bytes, has_value() ? value_bytes : 0);
  }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view key() const { return {bytes(), key_bytes}; }
  std::string_view value() const {
    return {bytes() + key_bytes, has_value() ? value_bytes : std::size_t{0}};
  }
};

} // namespace atl
