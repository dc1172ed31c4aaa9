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

/// Goes through the rows of two buffers in order; a row of the newer one covers that of the older
/// one.
class covering_rows {
 public:
  using ordered = write_buffer::ordered;

  covering_rows(const ordered& newer, const ordered& older, std::string_view from,
                std::string_view end)
      : newer_{part(newer, from, end)}, older_{part(older, from, end)} {
    skip_covered();
  }

  bool at_end() const { return newer_.at_end() && older_.at_end(); }
  const ordered::value_type& operator*() const { return *present().next; }
  void advance() {
    ++(is_newer() ? newer_ : older_).next;
    skip_covered();
  }

 private:
  struct part_of {
    ordered::const_iterator next, end;
    bool at_end() const { return next == end; }
  };
  static part_of part(const ordered& rows, std::string_view from, std::string_view end) {
    return {rows.lower_bound(from), end.empty() ? rows.end() : rows.lower_bound(end)};
  }
  bool is_newer() const {
    return older_.at_end() || (!newer_.at_end() && newer_.next->first < older_.next->first);
  }
  const part_of& present() const { return is_newer() ? newer_ : older_; }
  void skip_covered() {
    if (!newer_.at_end() && !older_.at_end() && newer_.next->first == older_.next->first)
      ++older_.next;
  }

  part_of newer_, older_;
};

rocksdb::Status scan(rocksdb::DB& db, covering_rows over, const rocksdb::ReadOptions& how,
                     std::string_view from, std::string_view end, const row_visitor& visit) {
  auto options = how;
  auto bound = slice(end);
  if (!end.empty())
    options.iterate_upper_bound = &bound;
  std::unique_ptr<rocksdb::Iterator> stored{db.NewIterator(options)};
  stored->Seek(slice(from));
  for (;;) {
    if (over.at_end() || (stored->Valid() && stored->key().ToStringView() < (*over).first)) {
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
    over.advance();
  }
  return stored->status();
}

} // namespace

write_buffer::write_buffer(std::string_view lookup_only) {
  for (auto first : lookup_only)
    lookup_only_.set(static_cast<unsigned char>(first));
}

const row* write_buffer::find(std::string_view key) const {
  auto* found = find_here(key);
  return found == nullptr && aside_ ? aside_->find_here(key) : found;
}

const row* write_buffer::find_here(std::string_view key) const {
  if (is_in_order(key)) {
    auto found = in_order_.find(key);
    return found == in_order_.end() ? nullptr : &found->second;
  }
  auto found = others_.find(key);
  return found == others_.end() ? nullptr : &found->second;
}

const row* write_buffer::use(std::string_view key) {
  auto* found = const_cast<row*>(find(key)); // the row is this buffer's own, or aside
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

std::shared_ptr<const write_buffer> write_buffer::set_aside() {
  aside_ = std::make_shared<write_buffer>("");
  aside_->lookup_only_ = lookup_only_;
  std::swap(aside_->in_order_, in_order_);
  std::swap(aside_->others_, others_);
  std::swap(aside_->bytes_, bytes_);
  return aside_;
}

std::shared_ptr<const write_buffer> write_buffer::drop_aside() {
  return std::exchange(aside_, nullptr);
}

void write_buffer::copy_to(row_cache& known) const {
  auto copy = [&known](const auto& rows) {
    for (const auto& [key, it] : rows)
      if (it.used || known.contains(key))
        known.put(key, it.value);
  };
  copy(in_order_);
  copy(others_);
}

write_buffer::ordered write_buffer::all_in_order() const {
  auto all = in_order_;
  all.insert(others_.begin(), others_.end());
  if (aside_)
    all.merge(aside_->all_in_order());
  return all;
}

rocksdb::Status scan_prefix(rocksdb::DB& db, const write_buffer& rows,
                            const rocksdb::ReadOptions& how, std::string_view prefix,
                            std::string_view from, const row_visitor& visit) {
  if (!rows.is_in_order(prefix))
    return rocksdb::Status::NotSupported("keys that are only looked up have no order");
  auto end = state_keys::end_of(prefix);
  if (!end.empty() && from >= end)
    return {};
  static const write_buffer::ordered none;
  auto* aside = rows.aside();
  return scan(db, {rows.in_order(), aside ? aside->in_order() : none, from, end}, how, from, end,
              visit);
}

rocksdb::Status scan_over(rocksdb::DB& db, const write_buffer::ordered& rows,
                          const rocksdb::ReadOptions& how, std::string_view from,
                          std::string_view end, const row_visitor& visit) {
  if (!end.empty() && from >= end)
    return {};
  const write_buffer::ordered none;
  return scan(db, {rows, none, from, end}, how, from, end, visit);
}

} // namespace atl
