#pragma once

#include "cached_row.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace atl {

/// Finds cached rows by their keys. Grows without a pause: while rows move to twice as many
/// buckets, each insertion moves two of the former buckets. Rows belong to the caller.
class row_index {
 public:
  row_index();

  cached_row* find(std::uint32_t hash, std::string_view key) const {
    for (auto* row = *bucket_of(hash); row != nullptr; row = row->next)
      if (row->hash == hash && row->key() == key)
        return row;
    return nullptr;
  }
  /// @param row has a key that no other row here has
  void insert(cached_row& row);
  void erase(cached_row& row);

  /// More rows than buckets: insertions and look-ups become slower unless the index grows.
  bool is_crowded() const { return rows_ > buckets_ && !former_; }
  /// The bytes that growth would add.
  std::size_t growth_bytes() const { return 2 * buckets_ * sizeof(cached_row*); }
  /// Begins to grow. @pre `is_crowded`
  void grow();

  std::size_t bytes() const { return (buckets_ + former_buckets_) * sizeof(cached_row*); }
  std::size_t rows() const { return rows_; }

 private:
  struct release {
    void operator()(cached_row** buckets) const { std::free(buckets); }
  };
  using bucket_array = std::unique_ptr<cached_row*[], release>;

  static bucket_array empty_buckets(std::size_t count);
  cached_row** bucket_of(std::uint32_t hash) const {
    auto former = hash & (former_buckets_ - 1);
    return former_ && former >= moved_ ? &former_[former] : &present_[hash & (buckets_ - 1)];
  }
  void move_bucket();

  std::size_t buckets_; ///< a power of two, as `former_buckets_`
  bucket_array present_;
  std::size_t former_buckets_ = 0; ///< 0: the index isn't growing
  bucket_array former_;
  std::size_t moved_ = 0; ///< the buckets of `former_` below this have moved
  std::size_t rows_ = 0;
};

} // namespace atl
