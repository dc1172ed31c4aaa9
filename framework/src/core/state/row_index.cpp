#include "row_index.hpp"

#include <new>
#include <utility>

namespace atl {

namespace {

constexpr std::size_t first_buckets = 256;

} // namespace

row_index::row_index() : buckets_{first_buckets}, present_{empty_buckets(first_buckets)} {}

/// Of many buckets the system clears the pages one by one, when they are first used.
row_index::bucket_array row_index::empty_buckets(std::size_t count) {
  auto* buckets = static_cast<cached_row**>(std::calloc(count, sizeof(cached_row*)));
  if (buckets == nullptr)
    throw std::bad_alloc{};
  return bucket_array{buckets};
}

void row_index::insert(cached_row& row) {
  for (int i = 0; i < 2 && former_; ++i)
    move_bucket();
  auto** bucket = bucket_of(row.hash);
  row.next = std::exchange(*bucket, &row);
  ++rows_;
}

void row_index::erase(cached_row& row) {
  auto** link = bucket_of(row.hash);
  while (*link != &row)
    link = &(*link)->next;
  *link = row.next;
  --rows_;
}

void row_index::grow() {
  auto larger = empty_buckets(2 * buckets_);
  former_ = std::exchange(present_, std::move(larger));
  former_buckets_ = std::exchange(buckets_, 2 * buckets_);
  moved_ = 0;
}

void row_index::move_bucket() {
  auto* row = former_[moved_];
  while (row != nullptr) {
    auto* next = row->next;
    auto** bucket = &present_[row->hash & (buckets_ - 1)];
    row->next = std::exchange(*bucket, row);
    row = next;
  }
  if (++moved_ < former_buckets_)
    return;
  former_.reset();
  former_buckets_ = 0;
}

} // namespace atl
