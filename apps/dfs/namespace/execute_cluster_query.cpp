#include "namespace/execute_query.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/shared_encoding.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::result;

namespace {

/// The first key after all keys of this chunk, in the table of `prefix`.
std::string behind(const std::string& key, const std::string& prefix, const chunk_id& after) {
  return after == chunk_id{} ? prefix : keys::end_of(key);
}

} // namespace

result<responses::summary> execute(present_reader& state, const queries::summary& query) {
  auto meta = state.must_meta();
  auto common = state.summary();
  responses::summary answer{.cluster_id = common.cluster_id,
                            .applied = common.applied,
                            .gc_watermark_us = meta.gc_watermark_us,
                            .latest_us = common.time_us,
                            .files = meta.files,
                            .directories = meta.directories,
                            .chunks = meta.chunks,
                            .bytes = meta.bytes,
                            .sessions = common.sessions,
                            .pending_removals = meta.orphans,
                            .storages = {},
                            .more = false};
  if (query.after == UINT32_MAX)
    return answer;
  page page{0, limits::cluster_id_bytes_max + 128};
  auto visit = [&](std::string_view key, std::string_view value) {
    storage_record record;
    auto id = keys::storage_in(key);
    if (!id || !decode(value, record))
      state.fail_damaged("a storage node's record");
    if (record.retired)
      return !state.failure(); // another node has its name
    answer.more = !page.take(16 + record.name.size() + record.uuid.size());
    if (!answer.more)
      answer.storages.push_back({id.value_or(no_storage), record.name, record.uuid});
    return !answer.more && !state.failure();
  };
  state.scan(keys::all_storages(), keys::storage(query.after + 1), visit);
  return answer;
}

result<responses::chunk_page> execute(present_reader& state, const queries::chunks_on& query) {
  responses::chunk_page answer;
  page page{query.limit};
  auto prefix = keys::all_on(query.node);
  auto visit = [&](std::string_view key, std::string_view) {
    auto id = keys::chunk_on_node_in(key);
    if (!id) {
      state.fail_damaged("the list of a storage node's chunks");
      return false;
    }
    if (!answer.chunks.empty() && answer.chunks.back().id == *id)
      return true; // another fragment of the same chunk
    auto chunk = state.must_chunk(*id);
    chunk_record record{*id, chunk.size_bytes, std::move(chunk.nodes), chunk.crc};
    answer.more = !page.take(wire::encoded_bytes(record));
    if (!answer.more)
      answer.chunks.push_back(std::move(record));
    return !answer.more && !state.failure();
  };
  auto from = behind(keys::chunk_on(query.node, query.after), prefix, query.after);
  state.scan(prefix, from, visit);
  return answer;
}

result<responses::known_chunks> execute(present_reader& state, const queries::known& query) {
  responses::known_chunks answer;
  page page{0};
  for (const auto& id : query.ids) {
    if (auto chunk = state.find_chunk(id)) {
      chunk_record record{id, chunk->size_bytes, std::move(chunk->nodes), chunk->crc};
      if (!page.take(wire::encoded_bytes(record)))
        break;
      answer.chunks.push_back(std::move(record));
    }
    ++answer.examined;
  }
  return answer;
}

result<responses::chunk_page> execute(present_reader& state, const queries::all_chunks& query) {
  responses::chunk_page answer;
  page page{query.limit};
  auto prefix = keys::all_chunks();
  auto visit = [&](std::string_view key, std::string_view value) {
    stored_chunk chunk;
    auto id = keys::chunk_in(key);
    if (!id || !decode(value, chunk)) {
      state.fail_damaged("a chunk's record");
      return false;
    }
    chunk_record record{*id, chunk.size_bytes, std::move(chunk.nodes), chunk.crc};
    answer.more = !page.take(wire::encoded_bytes(record));
    if (!answer.more)
      answer.chunks.push_back(std::move(record));
    return !answer.more;
  };
  state.scan(prefix, behind(keys::chunk(query.after), prefix, query.after), visit);
  return answer;
}

} // namespace dfs::state
