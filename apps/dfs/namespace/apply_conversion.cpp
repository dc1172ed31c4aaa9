#include "namespace/apply.hpp"
#include "namespace/chunks.hpp"
#include "namespace/content.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

// How a file comes to be stored otherwise, while it stays what it is.
namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;

namespace {

/// The same part of a chunk, as parts of the chunks that replace it.
void append_replaced(const piece& old, const std::vector<chunk_record>& to,
                     std::vector<piece>& into) {
  auto skipped = std::get<chunk_part>(old.content).offset_bytes;
  auto at = old.offset_bytes;
  auto left = old.length_bytes;
  for (const auto& chunk : to) {
    if (skipped >= chunk.size_bytes) {
      skipped -= chunk.size_bytes;
      continue;
    }
    auto length = std::min(left, chunk.size_bytes - skipped);
    into.push_back({at, length, chunk_part{chunk, skipped}});
    at += length;
    left -= length;
    skipped = 0;
    if (left == 0)
      return;
  }
}

/// Are these chunks together as large as that one?
bool is_as_large(const stored_chunk& old, const std::vector<chunk_record>& to) {
  auto left = old.size_bytes;
  for (const auto& chunk : to) {
    if (chunk.size_bytes > left)
      return false;
    left -= chunk.size_bytes;
  }
  return left == 0;
}

/// The parts of a range of the file that refer to the chunk, as they are to be.
result<std::vector<piece>> replaced_pieces(state_transaction& state,
                                           const commands::replace_chunk& command) {
  auto known = state.find_chunk(command.from);
  if (!known)
    return fail(errc::not_found, "no file refers to it any more");
  if (!is_as_large(*known, command.to))
    return fail(errc::invalid, fmt::format("it has {} bytes, and the chunks that are to replace it "
                                           "have another number",
                                           known->size_bytes));
  auto end = command.offset_bytes > limits::file_bytes_max - command.length_bytes
                 ? limits::file_bytes_max
                 : command.offset_bytes + command.length_bytes;
  auto present = pieces_of(state, command.inode, command.offset_bytes, end);
  if (!present)
    return present;
  std::vector<piece> replaced;
  for (const auto& each : *present)
    if (auto* part = std::get_if<chunk_part>(&each.content))
      if (part->chunk.id == command.from)
        append_replaced(each, command.to, replaced);
  if (replaced.empty())
    return fail(errc::not_found, "the range of the file doesn't refer to it any more");
  return replaced;
}

} // namespace

result<changed> run(state_transaction& state, const commands::replace_chunk& command) {
  auto refuse = [&](const atl::error& why) {
    return fail(why.code, fmt::format("can't replace chunk {} in inode {}: {}",
                                      to_string(command.from), command.inode, why.message));
  };
  auto found = state.find_inode(command.inode);
  if (!found || found->type != inode_type::file)
    return refuse({errc::not_found, "there is no such file"});
  if (!state.find_policy(command.policy))
    return refuse({errc::not_found, fmt::format("there is no policy {}", command.policy)});
  if (command.to.size() > limits::replacing_chunks_max ||
      command.length_bytes > limits::file_bytes_max)
    return refuse({errc::invalid, "too many chunks, or a range beyond any file"});
  auto& file = *found;
  if (!command.to.empty()) {
    auto pieces = replaced_pieces(state, command);
    if (!pieces)
      return refuse(pieces.error());
    if (auto ok = check_pieces(state, *pieces, command.offset_bytes, 0); !ok)
      return refuse(ok.error());
    put_pieces(state, command.inode, file, *pieces, command.offset_bytes, false);
  }
  file.policy = command.policy;
  file.version = state.index();
  state.put_inode(command.inode, file);
  return changed{command.inode, state.index(), state.time_ns()};
}

} // namespace dfs::state
