#include "namespace/apply.hpp"
#include "namespace/attributes.hpp"
#include "namespace/content.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;

namespace {

result<dirent> resolve_file(state_transaction& state, const place& where) {
  auto found = resolve(state, where);
  if (found && found->type != inode_type::file)
    return fail(errc::refused,
                fmt::format("{} is a {}, not a file", in_quotes(where), name_of(found->type)));
  return found;
}

/// Bytes that one command may add to a file in the name space.
std::uint64_t inline_room(state_transaction& state, const inode& file,
                          const std::vector<piece>& pieces) {
  auto has_inline = std::ranges::any_of(
      pieces, [](const piece& part) { return std::holds_alternative<std::string>(part.content); });
  if (!has_inline || state.find_policy(file.policy).value_or(policy{}).inline_bytes_max == 0)
    return 0;
  auto left = limits::inline_bytes_per_file_max -
              std::min(limits::inline_bytes_per_file_max, file.inline_bytes);
  return std::min<std::uint64_t>(left, limits::inline_bytes_max);
}

/// Puts checked pieces over the content, and notes the change.
written overwrite(state_transaction& state, inode_id id, inode& file,
                  const std::vector<piece>& pieces, std::uint64_t base, std::uint64_t end) {
  put_pieces(state, id, file, pieces, base, false);
  auto size_bytes = std::max(file.size_bytes, end);
  state.meta().bytes += size_bytes - file.size_bytes;
  file.size_bytes = size_bytes;
  file.mtime_ns = file.ctime_ns = state.time_ns();
  file.version = file.data_version = state.index();
  auto first = pieces.empty() ? base : base + pieces.front().offset_bytes;
  return written{id, state.index(), state.time_ns(), first, size_bytes};
}

} // namespace

result<written> run(state_transaction& state, const commands::write& command) {
  auto found = resolve_file(state, command.where);
  if (!found)
    return tl::unexpected{found.error()};
  auto file = state.must_inode(found->id);
  if (command.expected_data_version && *command.expected_data_version != file.data_version)
    return fail(errc::refused, fmt::format("{} has changed since version {}: it is at version {}",
                                           in_quotes(command.where), *command.expected_data_version,
                                           file.data_version));
  auto base = command.append ? file.size_bytes : 0;
  auto end = check_pieces(state, command.pieces, base, inline_room(state, file, command.pieces));
  if (!end)
    return fail(end.error(), fmt::format("can't write {}", in_quotes(command.where)));
  auto answer = overwrite(state, found->id, file, command.pieces, base, *end);
  file.mtime_ns = command.mtime_ns.value_or(file.mtime_ns);
  if (command.drop_privileges)
    drop_privileges(file);
  state.put_inode(found->id, file);
  return answer;
}

result<written> run(state_transaction& state, const commands::clone_range& command) {
  auto from = resolve_file(state, command.from);
  if (!from)
    return tl::unexpected{from.error()};
  auto to = resolve_file(state, command.to);
  if (!to)
    return tl::unexpected{to.error()};
  auto refuse = [&](errc code, std::string_view why) {
    return fail(code, fmt::format("can't clone {} bytes of {} to {}: {}", command.length_bytes,
                                  in_quotes(command.from), in_quotes(command.to), why));
  };
  auto source = state.must_inode(from->id);
  if (command.length_bytes == 0 || command.from_offset > source.size_bytes ||
      command.length_bytes > source.size_bytes - command.from_offset)
    return refuse(errc::invalid, fmt::format("the former has {} bytes", source.size_bytes));
  if (command.to_offset > limits::file_bytes_max - command.length_bytes)
    return refuse(errc::invalid, "the latter would become larger than a file may be");
  auto distance = std::max(command.from_offset, command.to_offset) -
                  std::min(command.from_offset, command.to_offset);
  if (from->id == to->id && distance < command.length_bytes)
    return refuse(errc::invalid, "the ranges overlap");
  auto end = command.from_offset + command.length_bytes;
  auto pieces = pieces_of(state, from->id, command.from_offset, end);
  if (!pieces)
    return refuse(pieces.error().code, pieces.error().message);
  auto target = from->id == to->id ? source : state.must_inode(to->id);
  if (auto ok =
          check_pieces(state, *pieces, command.to_offset, inline_room(state, target, *pieces));
      !ok)
    return refuse(ok.error().code, ok.error().message);

  // What is a hole in the former becomes one in the latter; the content comes over it.
  auto to_end = command.to_offset + command.length_bytes;
  std::vector<piece> whole = std::move(*pieces);
  std::uint64_t at = 0;
  std::vector<piece> with_holes;
  for (auto& part : whole) {
    if (part.offset_bytes > at)
      with_holes.push_back({at, part.offset_bytes - at, hole{}});
    at = part.offset_bytes + part.length_bytes;
    with_holes.push_back(std::move(part));
  }
  if (at < command.length_bytes)
    with_holes.push_back({at, command.length_bytes - at, hole{}});
  auto answer = overwrite(state, to->id, target, with_holes, command.to_offset, to_end);
  state.put_inode(to->id, target);
  return answer;
}

} // namespace dfs::state
