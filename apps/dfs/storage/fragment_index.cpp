#include "storage/fragment_index.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dfs {

namespace {

/// Entries of a full block. Larger ones are slower to change, and smaller ones need more memory
/// for what finds them.
constexpr std::size_t block_entries_max = 512;
/// Two neighbours that have no more entries together become one.
constexpr std::size_t united_entries_max = block_entries_max / 2;

template <class Block>
auto position_in(Block& block, const fragment_key& key) {
  return std::lower_bound(
      block.begin(), block.end(), key,
      [](const auto& entry, const fragment_key& wanted) { return entry.key() < wanted; });
}

} // namespace

/// The last block that begins at or before the key, otherwise the first one, if any.
fragment_index::blocks::iterator fragment_index::block_for(const fragment_key& key) {
  auto after = blocks_.upper_bound(key);
  return after == blocks_.begin() ? after : std::prev(after);
}

fragment_index::blocks::const_iterator fragment_index::block_for(const fragment_key& key) const {
  auto after = blocks_.upper_bound(key);
  return after == blocks_.begin() ? after : std::prev(after);
}

std::optional<stored_fragment> fragment_index::find(const fragment_key& key) const {
  auto in = block_for(key);
  if (in == blocks_.end())
    return std::nullopt;
  auto found = position_in(in->second, key);
  if (found == in->second.end() || found->key() != key)
    return std::nullopt;
  return found->unpacked();
}

void fragment_index::put(const stored_fragment& fragment) {
  entry added{fragment.key.chunk, fragment.generation, static_cast<std::uint32_t>(fragment.size),
              fragment.key.fragment};
  auto in = block_for(fragment.key);
  if (in == blocks_.end()) {
    in = blocks_.try_emplace(fragment.key).first;
  } else if (fragment.key < in->first) { // the first block begins earlier from now on
    auto first = blocks_.extract(in);
    first.key() = fragment.key;
    in = blocks_.insert(std::move(first)).position;
  }
  auto at = position_in(in->second, fragment.key);
  if (at != in->second.end() && at->key() == fragment.key) {
    *at = added;
    return;
  }
  ++size_;
  if (in->second.size() < block_entries_max) {
    in->second.insert(at, added);
    return;
  }
  // Chunks are made in the order of their ids, so most fragments come last: a full block stays
  // full.
  if (at == in->second.end()) {
    blocks_.try_emplace(fragment.key).first->second.push_back(added);
    return;
  }
  split(in, block_entries_max / 2);
  in = block_for(fragment.key);
  in->second.insert(position_in(in->second, fragment.key), added);
}

void fragment_index::split(blocks::iterator full, std::size_t at) {
  auto& lower = full->second;
  auto middle = lower.begin() + static_cast<std::ptrdiff_t>(at);
  blocks_.try_emplace(middle->key(), middle, lower.end());
  lower.erase(middle, lower.end());
  lower.shrink_to_fit();
}

std::optional<stored_fragment> fragment_index::erase(const fragment_key& key) {
  auto in = block_for(key);
  if (in == blocks_.end())
    return std::nullopt;
  auto found = position_in(in->second, key);
  if (found == in->second.end() || found->key() != key)
    return std::nullopt;
  auto removed = found->unpacked();
  auto& block = in->second;
  block.erase(found);
  --size_;
  if (block.empty()) {
    blocks_.erase(in);
    return removed;
  }
  if (block.size() < block.capacity() / 2)
    block.shrink_to_fit();
  unite_with_next(in);
  if (in != blocks_.begin())
    unite_with_next(std::prev(in));
  return removed;
}

void fragment_index::unite_with_next(blocks::iterator small) {
  auto next = std::next(small);
  if (next == blocks_.end() || small->second.size() + next->second.size() > united_entries_max)
    return;
  small->second.insert(small->second.end(), next->second.begin(), next->second.end());
  small->second.shrink_to_fit();
  blocks_.erase(next);
}

std::vector<stored_fragment> fragment_index::slice(const fragment_key& from,
                                                   std::size_t limit) const {
  std::vector<stored_fragment> out;
  out.reserve(std::min(limit, size_));
  for (auto in = block_for(from); in != blocks_.end() && out.size() < limit; ++in)
    for (auto at = position_in(in->second, from); at != in->second.end() && out.size() < limit;
         ++at)
      out.push_back(at->unpacked());
  return out;
}

std::size_t fragment_index::memory_bytes() const {
  constexpr std::size_t map_node_bytes = 32; // links and colour
  std::size_t bytes = 0;
  for (auto& [key, block] : blocks_)
    bytes += map_node_bytes + sizeof(key) + sizeof(block) + block.capacity() * sizeof(entry);
  return bytes;
}

} // namespace dfs
