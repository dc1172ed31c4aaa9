#include "write_buffer.hpp"

#include "row_cache.hpp"
#include "state_database.hpp"
#include "state_rows.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace atl {

namespace {

constexpr std::size_t overhead = 128; ///< approximate overhead of a row in memory

std::size_t size_of(const row& it) {
  return it.value ? it.value->size() : 0;
}

} // namespace

write_buffer::write_buffer(std::string_view lookup_only) {
  for (auto first : lookup_only)
    lookup_only_.set(static_cast<unsigned char>(first));
}

const row* write_buffer::find(std::string_view key) const {
  if (is_in_order(key)) {
    auto found = in_order_.find(key);
    return found == in_order_.end() ? nullptr : &found->second;
  }
  auto found = others_.find(key);
  return found == others_.end() ? nullptr : &found->second;
}

const row* write_buffer::use(std::string_view key) {
  auto* found = const_cast<row*>(find(key)); // the row is this buffer's own
  if (found != nullptr)
    found->used = true;
  return found;
}

row& write_buffer::at(std::string key, bool fresh) {
  auto bytes = key.size() + overhead;
  auto in_order = is_in_order(key);
  auto make = [&](auto& rows) -> row& {
    auto [it, made] = rows.try_emplace(std::move(key));
    if (made) {
      it->second.fresh = fresh;
      bytes_ += bytes;
    }
    return it->second;
  };
  return in_order ? make(in_order_) : make(others_);
}

void write_buffer::set(row& it, std::string value) {
  bytes_ -= size_of(it);
  it.value = std::move(value);
  bytes_ += size_of(it);
}

void write_buffer::put(std::string key, std::string value) {
  set(at(std::move(key), false), std::move(value));
}

void write_buffer::insert(std::string key, std::string value) {
  set(at(std::move(key), true), std::move(value));
}

void write_buffer::erase(const std::string& key) {
  auto forget = [&](auto& rows) {
    auto [it, made] = rows.try_emplace(key);
    if (made)
      bytes_ += key.size() + overhead;
    bytes_ -= size_of(it->second);
    it->second.value.reset();
    if (it->second.fresh) {
      bytes_ -= key.size() + overhead;
      rows.erase(it);
    }
  };
  is_in_order(key) ? forget(in_order_) : forget(others_);
}

void write_buffer::visit(const change_visitor& visitor) const {
  for (const auto& [key, it] : in_order_)
    visitor(key, it);
  for (const auto& [key, it] : others_)
    visitor(key, it);
}

void write_buffer::visit_sorted(const change_visitor& visitor) const {
  for (const auto& [key, it] : in_order_)
    visitor(key, it);
  std::vector<const hashed::value_type*> sorted;
  sorted.reserve(others_.size());
  for (const auto& change : others_)
    sorted.push_back(&change);
  std::ranges::sort(
      sorted, {}, [](auto* change) -> auto& { return change->first; });
  for (auto* change : sorted)
    visitor(change->first, change->second);
}

void write_buffer::move_to(row_cache& known) {
  auto move = [&known](const auto& rows) {
    for (const auto& [key, it] : rows)
      if (it.used || known.contains(key))
        known.put(key, it.value);
  };
  move(in_order_);
  move(others_);
  in_order_.clear();
  others_.clear();
  bytes_ = 0;
}

write_buffer::ordered write_buffer::all_in_order() const {
  auto all = in_order_;
  all.insert(others_.begin(), others_.end());
  return all;
}

rocksdb::Status scan_prefix(rocksdb::DB& db, const write_buffer& rows,
                            const rocksdb::ReadOptions& how, std::string_view prefix,
                            std::string_view from, const row_visitor& visit) {
  if (!rows.is_in_order(prefix))
    return rocksdb::Status::NotSupported("keys that are only looked up have no order");
  return scan_over(db, rows.in_order(), how, from, state_keys::end_of(prefix), visit);
}

rocksdb::Status scan_over(rocksdb::DB& db, const write_buffer::ordered& rows,
                          const rocksdb::ReadOptions& how, std::string_view from,
                          std::string_view end, const row_visitor& visit) {
  if (!end.empty() && from >= end)
    return {};
  auto options = how;
  auto bound = slice(end);
  if (!end.empty())
    options.iterate_upper_bound = &bound;
  std::unique_ptr<rocksdb::Iterator> stored{db.NewIterator(options)};
  stored->Seek(slice(from));
  auto over = rows.lower_bound(from);
  auto last = end.empty() ? rows.end() : rows.lower_bound(end);
  for (;;) {
    if (over == last || (stored->Valid() && stored->key().ToStringView() < over->first)) {
      if (!stored->Valid() || !visit(stored->key().ToStringView(), stored->value().ToStringView()))
        break;
      stored->Next();
      continue;
    }
    const auto& [key, it] = *over;
    if (it.value && !visit(key, *it.value))
      break;
    if (stored->Valid() && stored->key().ToStringView() == key)
      stored->Next();
    ++over;
  }
  return stored->status();
}

} // namespace atl
