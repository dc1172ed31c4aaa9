#include "namespace/chunks.hpp"
#include "namespace/execute_query.hpp"
#include "namespace/keys.hpp"
#include "namespace/shared_encoding.hpp"

namespace dfs::state {

using atl::result;

namespace {

/// The first key after all keys of this chunk, in the table of `prefix`.
std::string behind(const std::string& key, const std::string& prefix, const chunk_id& after) {
  return after == chunk_id{} ? prefix : keys::end_of(key);
}

} // namespace

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
    auto record = record_of(*id, state.must_chunk(*id));
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
      auto record = record_of(id, *chunk);
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
    auto record = record_of(*id, chunk);
    answer.more = !page.take(wire::encoded_bytes(record));
    if (!answer.more)
      answer.chunks.push_back(std::move(record));
    return !answer.more;
  };
  state.scan(prefix, behind(keys::chunk(query.after), prefix, query.after), visit);
  return answer;
}

result<responses::incomplete_page> execute(present_reader& state,
                                           const queries::incomplete& query) {
  responses::incomplete_page answer;
  page page{query.limit};
  auto from = keys::incomplete(query.after_spare, query.after);
  if (query.after != chunk_id{})
    from.push_back('\0');
  state.scan(keys::all_incomplete(), from, [&](std::string_view key, std::string_view) {
    auto at = keys::incomplete_in(key);
    if (!at) {
      state.fail_damaged("the list of incomplete chunks");
      return false;
    }
    auto record = record_of(at->chunk, state.must_chunk(at->chunk));
    answer.more = !page.take(1 + wire::encoded_bytes(record));
    if (!answer.more)
      answer.chunks.push_back({at->spare, std::move(record)});
    return !answer.more && !state.failure();
  });
  return answer;
}

} // namespace dfs::state
