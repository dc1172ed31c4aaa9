#include "namespace/keys.hpp"
#include "namespace/limits.hpp"
#include "namespace/query.hpp"
#include "namespace/wire.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;

namespace {

/// The first key that is behind all of this chunk's, in the table of `prefix`.
std::string behind(std::string key, const std::string& prefix, const chunk_id& after) {
  return after == chunk_id{} ? prefix : keys::end_of(key);
}

} // namespace

result<answers::summary> ask(present_view& state, const questions::summary& question) {
  auto meta = state.must_meta();
  answers::summary answer{.cluster_id = meta.cluster_id,
                          .applied = meta.applied,
                          .horizon_us = meta.horizon_us,
                          .latest_us = meta.latest_us,
                          .files = meta.files,
                          .directories = meta.directories,
                          .chunks = meta.chunks,
                          .bytes = meta.bytes,
                          .sessions = meta.sessions,
                          .pending_removals = meta.detached,
                          .storages = {},
                          .more = false};
  if (question.after == UINT32_MAX)
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
  state.scan(keys::all_storages(), keys::storage(question.after + 1), visit);
  return answer;
}

result<answers::members> ask(present_view& state, const questions::members&) {
  answers::members answer;
  answer.birth = state.find_birth();
  auto visit = [&](std::string_view key, std::string_view value) {
    member_record record;
    auto id = keys::member_in(key);
    if (!id || !decode(value, record)) {
      state.fail_damaged("a master's record");
      return false;
    }
    answer.masters.push_back({*id, record.name, record.address, record.folder});
    return true;
  };
  state.scan(keys::all_members(), keys::all_members(), visit);
  return answer;
}

result<answers::chunk_page> ask(present_view& state, const questions::chunks_on& question) {
  answers::chunk_page answer;
  page page{question.limit};
  auto prefix = keys::all_on(question.node);
  auto visit = [&](std::string_view key, std::string_view) {
    auto id = keys::chunk_on_node_in(key);
    if (!id) {
      state.fail_damaged("the list of a storage node's chunks");
      return false;
    }
    if (!answer.chunks.empty() && answer.chunks.back().id == *id)
      return true; // another fragment of it
    auto chunk = state.must_chunk(*id);
    chunk_record record{*id, chunk.size_bytes, std::move(chunk.nodes), chunk.crc};
    answer.more = !page.take(wire::encoded_bytes(record));
    if (!answer.more)
      answer.chunks.push_back(std::move(record));
    return !answer.more && !state.failure();
  };
  auto from = behind(keys::chunk_on(question.node, question.after), prefix, question.after);
  state.scan(prefix, from, visit);
  return answer;
}

result<answers::known_chunks> ask(present_view& state, const questions::known& question) {
  answers::known_chunks answer;
  page page{0};
  for (const auto& id : question.ids) {
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

result<answers::chunk_page> ask(present_view& state, const questions::all_chunks& question) {
  answers::chunk_page answer;
  page page{question.limit};
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
  state.scan(prefix, behind(keys::chunk(question.after), prefix, question.after), visit);
  return answer;
}

} // namespace dfs::state
