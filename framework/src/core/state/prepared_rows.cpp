#include "prepared_rows.hpp"

#include "row_cache.hpp"

#include <iterator>
#include <utility>

namespace atl {

namespace {

std::size_t bytes_of(const std::vector<read_row>& rows) {
  std::size_t bytes = 0;
  for (auto& row : rows)
    bytes += sizeof row + row.key.size() + (row.value ? row.value->size() : 0);
  return bytes;
}

} // namespace

void prepared_rows::begin_epoch() {
  std::lock_guard lock{mutex_};
  ++epoch_;
  rows_.clear();
  bytes_ = 0;
  is_empty_ = true;
}

void prepared_rows::add(std::uint64_t epoch, std::vector<read_row> rows) {
  auto bytes = bytes_of(rows);
  std::lock_guard lock{mutex_};
  if (rows.empty() || epoch != epoch_ || bytes_ + bytes > bytes_max_)
    return;
  rows_.insert(rows_.end(), std::make_move_iterator(rows.begin()),
               std::make_move_iterator(rows.end()));
  bytes_ += bytes;
  is_empty_ = false;
}

void prepared_rows::move_to(row_cache& known) {
  if (is_empty_)
    return;
  std::vector<read_row> rows;
  {
    std::lock_guard lock{mutex_};
    rows.swap(rows_);
    bytes_ = 0;
    is_empty_ = true;
  }
  for (auto& row : rows)
    if (!known.contains(row.key))
      known.put(row.key, row.value);
}

} // namespace atl
