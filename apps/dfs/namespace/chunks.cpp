#include "namespace/chunks.hpp"

#include "namespace/keys.hpp"

#include <algorithm>

namespace dfs::state {

namespace {

std::optional<std::uint8_t> spare_of(state_transaction& state, const stored_chunk& chunk) {
  if (std::ranges::count(chunk.nodes, no_storage) == 0)
    return std::nullopt;
  return spare_of(chunk, state.find_policy(chunk.policy).value_or(policy{}));
}

void put_incomplete(state_transaction& state, const chunk_id& id, std::uint8_t spare) {
  state.put(keys::incomplete(spare, id), encode_mark());
  ++state.meta().incomplete_chunks;
}

void erase_incomplete(state_transaction& state, const chunk_id& id, std::uint8_t spare) {
  state.erase(keys::incomplete(spare, id));
  --state.meta().incomplete_chunks;
}

void put_fragment(state_transaction& state, storage_id node, const chunk_id& chunk,
                  std::size_t index) {
  if (node != no_storage)
    state.put(keys::fragment_on(node, chunk, static_cast<std::uint8_t>(index)), encode_mark());
}

void erase_fragment(state_transaction& state, storage_id node, const chunk_id& chunk,
                    std::size_t index) {
  if (node != no_storage)
    state.erase(keys::fragment_on(node, chunk, static_cast<std::uint8_t>(index)));
}

void forget(state_transaction& state, const chunk_id& id, const stored_chunk& chunk) {
  for (std::size_t i = 0; i < chunk.nodes.size(); ++i)
    erase_fragment(state, chunk.nodes[i], id, i);
  if (auto spare = spare_of(state, chunk))
    erase_incomplete(state, id, *spare);
  state.erase(keys::chunk(id));
  --state.meta().chunks;
}

} // namespace

std::optional<std::uint8_t> spare_of(const stored_chunk& chunk, const policy& of) {
  auto missing = std::ranges::count(chunk.nodes, no_storage);
  if (missing == 0)
    return std::nullopt;
  std::int64_t survives = of.survives_losses;
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(survives - missing + 1, 0, 255));
}

chunk_record record_of(const chunk_id& id, const stored_chunk& stored) {
  return {id, stored.size_bytes, stored.nodes, stored.crc, stored.policy};
}

void add_reference(state_transaction& state, const chunk_record& chunk,
                   std::uint64_t length_bytes) {
  auto stored = state.find_chunk(chunk.id);
  if (!stored) {
    stored = stored_chunk{chunk.size_bytes, 0, 0, chunk.nodes, chunk.crc, chunk.policy};
    for (std::size_t i = 0; i < chunk.nodes.size(); ++i)
      put_fragment(state, chunk.nodes[i], chunk.id, i);
    if (auto spare = spare_of(state, *stored))
      put_incomplete(state, chunk.id, *spare);
    ++state.meta().chunks;
  }
  ++stored->references;
  stored->live_bytes += length_bytes;
  state.put_chunk(chunk.id, *stored);
}

void change_references(state_transaction& state, const chunk_id& id, std::int64_t references,
                       std::int64_t live_bytes) {
  auto stored = state.must_chunk(id);
  stored.references += static_cast<std::uint64_t>(references);
  stored.live_bytes += static_cast<std::uint64_t>(live_bytes);
  if (stored.references == 0)
    forget(state, id, stored);
  else
    state.put_chunk(id, stored);
}

void move_fragment(state_transaction& state, const chunk_id& id, stored_chunk& stored,
                   std::uint32_t fragment, storage_id to) {
  auto before = spare_of(state, stored);
  auto& node = stored.nodes[fragment];
  erase_fragment(state, node, id, fragment);
  put_fragment(state, to, id, fragment);
  node = to;
  auto after = spare_of(state, stored);
  if (before != after) {
    if (before)
      erase_incomplete(state, id, *before);
    if (after)
      put_incomplete(state, id, *after);
  }
  state.put_chunk(id, stored);
}

} // namespace dfs::state
