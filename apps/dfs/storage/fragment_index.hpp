#pragma once

#include "storage/fragment.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace dfs {

struct stored_fragment {
  fragment_key key;
  std::uint64_t size = 0;
  /// Tells this copy from an earlier or later one of the same key; never used twice, also after a
  /// restart.
  std::uint64_t generation = 0;

  friend auto operator<=>(const stored_fragment&, const stored_fragment&) = default;
};

/// The fragments of a store, in the order of their keys, in blocks that are sorted and follow one
/// another. A fragment takes 32 bytes in a block that is full, and at most about twice as many in
/// one that is not. A look-up or change takes logarithmic time and moves at most one block. Not
/// thread-safe.
class fragment_index {
 public:
  std::size_t size() const { return size_; }
  bool contains(const fragment_key& key) const { return find(key).has_value(); }
  std::optional<stored_fragment> find(const fragment_key& key) const;

  /// Adds a fragment, or replaces the one of the same key. @pre the size is at most
  /// `fragment_bytes_max`, and the key's number at most `fragment_index_max`
  void put(const stored_fragment& fragment);
  /// @returns what was removed; none: there is no such fragment
  std::optional<stored_fragment> erase(const fragment_key& key);

  /// The first `limit` fragments from this key on, in order.
  std::vector<stored_fragment> slice(const fragment_key& from, std::size_t limit) const;

  /// Bytes that the index takes, apart from what the allocator adds.
  std::size_t memory_bytes() const;

 private:
  /// A `stored_fragment` without padding.
  struct entry {
    chunk_id chunk;
    std::uint64_t generation = 0;
    std::uint32_t size = 0;
    std::uint32_t fragment = 0;

    fragment_key key() const { return {chunk, fragment}; }
    stored_fragment unpacked() const { return {key(), size, generation}; }
  };
  static_assert(sizeof(entry) == 32);
  using block = std::vector<entry>;
  using blocks = std::map<fragment_key, block>; ///< by a key that none in the block is below

  blocks::iterator block_for(const fragment_key& key);
  blocks::const_iterator block_for(const fragment_key& key) const;
  void split(blocks::iterator full, std::size_t at);
  void unite_with_next(blocks::iterator small);

  blocks blocks_;
  std::size_t size_ = 0;
};

} // namespace dfs
