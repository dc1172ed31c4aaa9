#include "namespace/apply.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using atl::status;
using responses::changed;
using responses::registered;

namespace {

bool is_label(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && text.find('\0') == text.npos &&
         atl::is_utf8(text);
}

status check_labels(const commands::register_storage& command) {
  if (!is_label(command.name, limits::storage_name_bytes_max))
    return fail(errc::invalid,
                fmt::format("a storage node can't be named {}: a name has 1 to {} "
                            "bytes of UTF-8 without NUL",
                            in_quotes(command.name), limits::storage_name_bytes_max));
  if (!is_label(command.uuid, limits::storage_uuid_bytes_max))
    return fail(errc::invalid,
                fmt::format("a data folder can't have the id {}: an id has 1 to {} "
                            "bytes of UTF-8 without NUL",
                            in_quotes(command.uuid), limits::storage_uuid_bytes_max));
  return {};
}

void put_fragment(state_transaction& state, storage_id node, const chunk_id& chunk,
                  std::size_t index) {
  if (node != no_storage)
    state.put(keys::fragment_on(node, chunk, static_cast<std::uint8_t>(index)), {});
}

void erase_fragment(state_transaction& state, storage_id node, const chunk_id& chunk,
                    std::size_t index) {
  if (node != no_storage)
    state.erase(keys::fragment_on(node, chunk, static_cast<std::uint8_t>(index)));
}

} // namespace

result<registered> run(state_transaction& state, const commands::register_storage& command) {
  if (auto ok = check_labels(command); !ok)
    return tl::unexpected{ok.error()};
  auto by_name = state.find_storage_by_name(command.name);
  auto by_uuid = state.find_storage_by_uuid(command.uuid);
  if (by_name && by_name == by_uuid)
    return registered{*by_name};
  auto takes_over = by_name && command.replaces && !by_uuid;
  if (by_name && !takes_over)
    return fail(
        errc::refused,
        fmt::format("the name {} belongs to another data folder, {}: give this node (data "
                    "folder {}) a name of its own, or start it on its old data folder; if that "
                    "disk is lost, 'dfs admin storage replace' gives the name to this one",
                    in_quotes(command.name),
                    in_quotes(state.find_storage(*by_name).value_or(storage_record{}).uuid),
                    in_quotes(command.uuid)));
  if (by_uuid)
    return fail(errc::refused,
                fmt::format("data folder {} belongs to storage node {}: start it under that name, "
                            "or give {} an empty folder",
                            in_quotes(command.uuid),
                            in_quotes(state.find_storage(*by_uuid).value_or(storage_record{}).name),
                            in_quotes(command.name)));
  auto& meta = state.meta();
  if (meta.storages >= limits::storage_nodes_max)
    return fail(errc::refused,
                fmt::format("storage node {} can't be registered: there are {} already, the most "
                            "that are possible",
                            in_quotes(command.name), limits::storage_nodes_max));
  if (takes_over) {
    auto lost = state.find_storage(*by_name).value_or(storage_record{});
    lost.retired = true;
    state.put(keys::storage(*by_name), encode(lost));
  }
  auto id = ++meta.storages;
  state.put(keys::storage(id), encode(storage_record{command.name, command.uuid, false}));
  state.put(keys::storage_by_name(command.name), encode_storage_id(id));
  state.put(keys::storage_by_uuid(command.uuid), encode_storage_id(id));
  return registered{id};
}

result<changed> run(state_transaction& state, const commands::relocate_chunk& command) {
  auto refuse = [&](errc code, std::string_view why) {
    return fail(code, fmt::format("can't relocate fragment {} of chunk {}: {}", command.fragment,
                                  to_string(command.chunk), why));
  };
  auto chunk = state.find_chunk(command.chunk);
  if (!chunk)
    return refuse(errc::not_found, "nothing refers to the chunk");
  if (command.fragment >= chunk->nodes.size())
    return refuse(errc::invalid, fmt::format("it has {} fragments", chunk->nodes.size()));
  if (command.to == no_storage || command.to > state.meta().storages)
    return refuse(errc::refused, fmt::format("storage node {} isn't registered", command.to));
  auto& node = chunk->nodes[command.fragment];
  if (node != command.from)
    return refuse(errc::refused, fmt::format("it is on storage node {}, not on {}: look again",
                                             node, command.from));
  erase_fragment(state, command.from, command.chunk, command.fragment);
  put_fragment(state, command.to, command.chunk, command.fragment);
  node = command.to;
  state.put_chunk(command.chunk, *chunk);
  return changed{0, state.index()};
}

void add_reference(state_transaction& state, const chunk_record& chunk) {
  auto stored = state.find_chunk(chunk.id);
  if (!stored) {
    stored = stored_chunk{chunk.size_bytes, 0, chunk.nodes, chunk.crc};
    for (std::size_t i = 0; i < chunk.nodes.size(); ++i)
      put_fragment(state, chunk.nodes[i], chunk.id, i);
    ++state.meta().chunks;
  }
  ++stored->references;
  state.put_chunk(chunk.id, *stored);
}

void drop_reference(state_transaction& state, const chunk_id& id) {
  auto stored = state.must_chunk(id);
  if (stored.references > 1) {
    --stored.references;
    state.put_chunk(id, stored);
    return;
  }
  for (std::size_t i = 0; i < stored.nodes.size(); ++i)
    erase_fragment(state, stored.nodes[i], id, i);
  state.erase(keys::chunk(id));
  --state.meta().chunks;
}

} // namespace dfs::state
