#include "namespace/apply.hpp"
#include "namespace/chunks.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using atl::status;
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
    lost.state = storage_state::dead; // and its name is another's now
    state.put(keys::storage(*by_name), encode(lost));
  }
  auto id = ++meta.storages;
  state.put(keys::storage(id),
            encode(storage_record{command.name, command.uuid, storage_state::active}));
  state.put(keys::storage_by_name(command.name), encode_id(id));
  state.put(keys::storage_by_uuid(command.uuid), encode_id(id));
  return registered{id};
}

result<changed> run(state_transaction& state, const commands::set_storage& command) {
  auto refuse = [&](errc code, std::string_view why) {
    return fail(code, fmt::format("can't change storage node {}: {}", command.id, why));
  };
  auto node = state.find_storage(command.id);
  if (!node)
    return refuse(errc::not_found, "it isn't registered");
  if (node->state == command.to)
    return changed{0, state.index(), state.time_ns()};
  if (node->state == storage_state::forgotten)
    return refuse(errc::refused, "it was forgotten, and comes back under a new id only");
  if (command.to == storage_state::draining && node->state == storage_state::dead)
    return refuse(errc::refused, "its data counts as lost, so there is nothing to move away");
  auto has_its_name = state.find_storage_by_name(node->name) == command.id;
  if (command.to == storage_state::active && !has_its_name)
    return refuse(errc::refused,
                  fmt::format("another node has taken its name, {}", in_quotes(node->name)));
  if (command.to == storage_state::forgotten) {
    // The name may be given again, unless another folder has taken it already.
    if (has_its_name)
      state.erase(keys::storage_by_name(node->name));
    state.erase(keys::storage_by_uuid(node->uuid));
  }
  node->state = command.to;
  state.put(keys::storage(command.id), encode(*node));
  return changed{0, state.index(), state.time_ns()};
}

result<responses::relocated> run(state_transaction& state, const commands::relocate& command) {
  using responses::relocation_outcome;
  if (command.moves.size() > limits::relocations_per_command_max)
    return fail(errc::invalid,
                fmt::format("{} relocations are too many for one command, at most "
                            "{} are possible",
                            command.moves.size(), limits::relocations_per_command_max));
  responses::relocated answer;
  auto& highest_term = state.meta().relocation_term;
  if (command.term < highest_term) {
    answer.outcomes.assign(command.moves.size(), relocation_outcome::superseded);
    return answer;
  }
  highest_term = command.term;
  for (const auto& move : command.moves) {
    auto chunk = state.find_chunk(move.chunk);
    auto outcome = relocation_outcome::done;
    if (!chunk)
      outcome = relocation_outcome::no_such_chunk;
    else if (move.fragment >= chunk->nodes.size() || move.from == move.to ||
             (move.to != no_storage && !state.may_hold_fragments(move.to)))
      outcome = relocation_outcome::impossible;
    else if (chunk->nodes[move.fragment] != move.from)
      outcome = relocation_outcome::is_elsewhere;
    else
      move_fragment(state, move.chunk, *chunk, move.fragment, move.to);
    answer.outcomes.push_back(outcome);
  }
  return answer;
}

} // namespace dfs::state
