#include "namespace/unwritten_rows.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace dfs::state {

namespace {

constexpr std::size_t overhead = 128; ///< of a row in memory, about

std::size_t size_of(const row_map::value_type& it) {
  return it.first.size() + (it.second.value ? it.second.value->size() : 0) + overhead;
}

/// A layer's rows, one after the other.
struct cursor {
  row_map::const_iterator at;
  row_map::const_iterator end;
};

} // namespace

void unwritten_rows::take(row_map changes) {
  while (!changes.empty()) {
    auto done = rows_.insert(changes.extract(changes.begin()));
    if (done.inserted) {
      bytes_ += size_of(*done.position);
      continue;
    }
    bytes_ -= size_of(*done.position);
    auto& value = done.node.mapped().value;
    if (!value && done.position->second.fresh) {
      rows_.erase(done.position);
      continue;
    }
    done.position->second.value = std::move(value);
    bytes_ += size_of(*done.position);
  }
}

row_map unwritten_rows::release() {
  bytes_ = 0;
  return std::exchange(rows_, {});
}

rocksdb::Status scan_layers(rocksdb::DB& db, std::initializer_list<const row_map*> layers,
                            std::string_view from, std::string_view end, const visitor& visit) {
  if (!end.empty() && from >= end)
    return {};
  rocksdb::ReadOptions options;
  auto bound = slice(end);
  if (!end.empty())
    options.iterate_upper_bound = &bound;
  std::unique_ptr<rocksdb::Iterator> stored{db.NewIterator(options)};
  stored->Seek(slice(from));
  std::vector<cursor> cursors;
  for (auto* layer : layers)
    cursors.push_back(
        {layer->lower_bound(from), end.empty() ? layer->end() : layer->lower_bound(end)});
  for (;;) {
    // The topmost of those that stand at the first key.
    cursor* top = nullptr;
    for (auto& it : cursors)
      if (it.at != it.end && (!top || it.at->first <= top->at->first))
        top = &it;
    if (!top || (stored->Valid() && stored->key().ToStringView() < top->at->first)) {
      if (!stored->Valid() || !visit(stored->key().ToStringView(), stored->value().ToStringView()))
        break;
      stored->Next();
      continue;
    }
    const auto& [key, found] = *top->at;
    if (found.value && !visit(key, *found.value))
      break;
    if (stored->Valid() && stored->key().ToStringView() == key)
      stored->Next();
    for (auto& it : cursors)
      if (&it != top && it.at != it.end && it.at->first == key)
        ++it.at;
    ++top->at;
  }
  return stored->status();
}

} // namespace dfs::state
