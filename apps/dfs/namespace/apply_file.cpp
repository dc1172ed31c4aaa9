#include "namespace/apply.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using atl::status;
using commands::put_file;
using responses::changed;

namespace {

status check_chunk(state_transaction& state, const placed_extent& extent) {
  const auto& [chunk, length_bytes] = extent;
  auto invalid = [&id = chunk.id](std::string_view why) {
    return fail(errc::invalid, fmt::format("chunk {} {}", to_string(id), why));
  };
  if (chunk.id == chunk_id{})
    return invalid("is no chunk: the name that is all zero is never given");
  if (chunk.id.made_us < state.meta().gc_watermark_us)
    return fail(errc::refused,
                fmt::format("the upload took too long or its chunks were collected (chunk {}): put "
                            "the file again",
                            to_string(chunk.id)));
  if (length_bytes == 0 || length_bytes > chunk.size_bytes)
    return invalid(
        fmt::format("has {} bytes, of which {} can't be used", chunk.size_bytes, length_bytes));
  if (chunk.nodes.empty() || chunk.nodes.size() > limits::fragments_per_chunk_max)
    return invalid(fmt::format("has {} fragments, only 1 to {} are possible", chunk.nodes.size(),
                               limits::fragments_per_chunk_max));
  if (std::ranges::all_of(chunk.nodes, [](auto node) { return node == no_storage; }))
    return invalid("isn't stored on any node");
  for (auto node : chunk.nodes)
    if (node > state.meta().storages)
      return fail(errc::refused, fmt::format("chunk {} is said to be on storage node {}, which "
                                             "isn't registered",
                                             to_string(chunk.id), node));
  auto stored = state.find_chunk(chunk.id);
  if (stored &&
      (stored->size_bytes != chunk.size_bytes || stored->nodes.size() != chunk.nodes.size()))
    return fail(errc::refused, fmt::format("chunk {} is known with another size or number of "
                                           "fragments: its name was given twice",
                                           to_string(chunk.id)));
  if (stored && stored->crc != chunk.crc)
    return fail(errc::refused,
                fmt::format("chunk {} is known with the checksum {:08x}, not {:08x}: "
                            "its name was given twice, or its data was damaged on "
                            "the way; put the file again",
                            to_string(chunk.id), stored->crc, chunk.crc));
  return {};
}

/// @returns the size of a file with these extents.
result<std::uint64_t> check_extents(state_transaction& state,
                                    const put_file::extent_list& extents) {
  if (extents.empty() || extents.size() > limits::extents_per_file_max)
    return fail(errc::invalid, fmt::format("the file has {} extents, only 1 to {} are possible",
                                           extents.size(), limits::extents_per_file_max));
  std::unordered_map<chunk_id, const chunk_record*> seen;
  std::uint64_t size_bytes = 0;
  for (const auto& extent : extents) {
    if (auto ok = check_chunk(state, extent); !ok)
      return tl::unexpected{ok.error()};
    if (auto [other, fresh] = seen.emplace(extent.chunk.id, &extent.chunk);
        !fresh && *other->second != extent.chunk)
      return fail(errc::invalid, fmt::format("the file describes chunk {} in two ways",
                                             to_string(extent.chunk.id)));
    if (__builtin_add_overflow(size_bytes, extent.length_bytes, &size_bytes))
      return fail(errc::invalid, "the file is larger than 2^64 bytes");
  }
  return size_bytes;
}

result<std::uint64_t> check_content(state_transaction& state, const put_file& command) {
  if (auto extents = std::get_if<put_file::extent_list>(&command.content))
    return check_extents(state, *extents);
  auto size = std::get<put_file::inline_bytes>(command.content).size();
  if (size > limits::inline_bytes_max)
    return fail(errc::invalid, fmt::format("{} bytes are too many for the name space, which takes "
                                           "{}: store them in chunks",
                                           size, limits::inline_bytes_max));
  return size;
}

/// Creates the inode of a file with its content.
dirent make_file(state_transaction& state, const put_file& command, std::uint64_t size_bytes) {
  auto& meta = state.meta();
  dirent made{meta.next_inode++, inode_type::file};
  inode file{.type = inode_type::file,
             .size_bytes = size_bytes,
             .mtime_us = command.mtime_us.value_or(static_cast<std::int64_t>(state.time_us())),
             .version = state.index(),
             .entries = 0,
             .extents = 0};
  if (auto extents = std::get_if<put_file::extent_list>(&command.content)) {
    for (const auto& extent : *extents) {
      state.insert(keys::extent(made.id, file.extents++),
                   encode(state::extent{extent.chunk.id, extent.length_bytes}));
      add_reference(state, extent.chunk);
    }
  } else if (size_bytes > 0) {
    state.insert(keys::content(made.id), std::get<put_file::inline_bytes>(command.content));
  }
  state.insert_inode(made.id, file);
  ++meta.files;
  meta.bytes += size_bytes;
  return made;
}

result<parsed_path> parse_file_path(std::string_view text) {
  auto path = parse_path(text);
  if (path && (path->is_root() || path->directory_only))
    return fail(errc::invalid,
                fmt::format("{} can't be a file: it ends with a slash", in_quotes(text)));
  return path;
}

} // namespace

result<changed> run(state_transaction& state, const put_file& command) {
  auto path = parse_file_path(command.path);
  if (!path)
    return tl::unexpected{path.error()};
  auto size_bytes = check_content(state, command);
  if (!size_bytes)
    return fail(size_bytes.error(), fmt::format("can't put {}", in_quotes(command.path)));
  auto depth = path->names.size();
  auto at = walk(state, *path, depth);
  if (!at)
    return tl::unexpected{at.error()};
  if (at->depth + 1 < depth && !command.parents)
    return tl::unexpected{missing(*path, at->depth)};
  if (at->depth == depth && at->last.type == inode_type::directory)
    return fail(errc::refused,
                fmt::format("can't put {}: it is a directory", in_quotes(command.path)));
  if (at->depth == depth && !command.overwrite)
    return fail(errc::exists, fmt::format("can't put {}: the file exists, and overwriting wasn't "
                                          "asked for",
                                          in_quotes(command.path)));

  auto made = make_file(state, command, *size_bytes);
  if (at->depth == depth) {
    auto parent = walk(state, *path, depth - 1);
    if (!parent)
      return tl::unexpected{parent.error()};
    state.put_entry(parent->last.id, path->names.back(), made);
    touch_directory(state, parent->last.id, 0);
    reclaim_or_queue(state, at->last);
  } else {
    auto parent = make_directories(state, *path, *at, depth - 1);
    state.put_entry(parent.id, path->names.back(), made);
    touch_directory(state, parent.id, 1);
  }
  return changed{made.id, state.index()};
}

} // namespace dfs::state
