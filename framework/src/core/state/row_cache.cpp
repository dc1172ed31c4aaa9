#include "row_cache.hpp"

#include "row_key_hash.hpp"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace atl {

namespace {

std::uint32_t hash_of(std::string_view key) {
  return static_cast<std::uint32_t>(key_hash{}(key));
}

/// Of all bytes, what protected rows may take. The index takes up to a quarter.
std::size_t protected_max(std::size_t bytes_max) {
  return bytes_max / 8 * 5;
}

cached_row* new_row(std::string_view key, std::optional<std::string_view> value) {
  auto bytes = sizeof(cached_row) + key.size() + (value ? value->size() : 0);
  auto* memory = std::malloc(bytes);
  if (memory == nullptr)
    throw std::bad_alloc{};
  auto* row = new (memory) cached_row;
  row->hash = hash_of(key);
  row->key_bytes = static_cast<std::uint16_t>(key.size()) & 0x7fff;
  std::memcpy(row->bytes(), key.data(), key.size());
  if (value) {
    row->value_bytes = static_cast<std::uint16_t>(value->size());
    std::memcpy(row->bytes() + key.size(), value->data(), value->size());
  }
  return row;
}

} // namespace

void row_cache::segment::add(cached_row& row) {
  row.newer = nullptr;
  row.older = std::exchange(newest, &row);
  (row.older != nullptr ? row.older->newer : oldest) = &row;
  bytes += row.allocated();
}

void row_cache::segment::remove(cached_row& row) {
  (row.newer != nullptr ? row.newer->older : newest) = row.older;
  (row.older != nullptr ? row.older->newer : oldest) = row.newer;
  bytes -= row.allocated();
}

std::optional<row_cache::found> row_cache::find(std::string_view key) {
  auto* row = index_.find(hash_of(key), key);
  if (row == nullptr)
    return std::nullopt;
  use(*row);
  return found{row->has_value(), row->value()};
}

bool row_cache::contains(std::string_view key) const {
  return index_.find(hash_of(key), key) != nullptr;
}

void row_cache::use(cached_row& row) {
  if (&row == protected_.newest)
    return;
  segment_of(row).remove(row);
  protect(row);
}

/// Protects a row that is in no segment; in return the protected rows that were not used for
/// longest lose their protection.
void row_cache::protect(cached_row& row) {
  row.is_protected = 1;
  protected_.add(row);
  while (protected_.bytes > protected_max(bytes_max_) && protected_.oldest != &row) {
    auto& unused = *protected_.oldest;
    protected_.remove(unused);
    unused.is_protected = 0;
    probation_.add(unused);
  }
}

void row_cache::put(std::string_view key, std::optional<std::string_view> value) {
  auto* former = index_.find(hash_of(key), key);
  auto was_protected = former != nullptr && former->is_protected;
  if (former != nullptr)
    drop(*former);
  if (cached_row::allocated_bytes(key.size(), value ? value->size() : 0) > row_bytes_max)
    return;
  auto* row = new_row(key, value);
  index_.insert(*row);
  if (was_protected)
    protect(*row);
  else
    probation_.add(*row);
  make_room();
}

void row_cache::make_room() {
  while (bytes() > bytes_max_ && index_.rows() > 0)
    drop(probation_.oldest != nullptr ? *probation_.oldest : *protected_.oldest);
  if (index_.is_crowded() && bytes() + index_.growth_bytes() <= bytes_max_)
    index_.grow();
}

void row_cache::drop(cached_row& row) {
  index_.erase(row);
  segment_of(row).remove(row);
  std::free(&row);
}

void row_cache::clear() {
  for (auto* segment : {&probation_, &protected_})
    while (segment->oldest != nullptr) {
      auto* row = std::exchange(segment->oldest, segment->oldest->newer);
      std::free(row);
    }
  index_ = {};
  probation_ = {};
  protected_ = {};
}

} // namespace atl
