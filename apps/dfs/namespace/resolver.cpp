#include "namespace/resolver.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;

atl::result<walked> walk(state_reader& state, const parsed_path& path, std::size_t count) {
  walked at;
  auto must_be_directory = [&]() -> atl::status {
    auto needs_directory = at.depth < path.names.size() || path.directory_only;
    if (needs_directory && at.last.type != inode_type::directory)
      return fail(errc::refused, fmt::format("{} is a {}, not a directory", path.quoted(at.depth),
                                             name_of(at.last.type)));
    return {};
  };
  if (path.at != root_inode) {
    auto begin = state.find_inode(path.at);
    // What is to be reclaimed is gone: a row that it gained now would be left behind.
    auto is_gone = !begin || (begin->links == 0 && begin->holders == 0);
    if (is_gone)
      return fail(errc::not_found, fmt::format("inode {} doesn't exist (any more)", path.at));
    at.last = {path.at, begin->type};
    if (auto ok = must_be_directory(); !ok)
      return tl::unexpected{ok.error()};
  }
  while (at.depth < count) {
    auto next = state.find_entry(at.last.id, path.names[at.depth]);
    if (!next)
      return at;
    at = {*next, at.depth + 1};
    if (auto ok = must_be_directory(); !ok)
      return tl::unexpected{ok.error()};
  }
  return at;
}

atl::result<dirent> resolve(state_reader& state, const parsed_path& path) {
  auto at = walk(state, path, path.names.size());
  if (!at)
    return tl::unexpected{at.error()};
  if (at->depth < path.names.size())
    return tl::unexpected{missing(path, at->depth)};
  return at->last;
}

atl::result<dirent> resolve(state_reader& state, const place& where) {
  auto parsed = parse_path(where);
  if (!parsed)
    return tl::unexpected{parsed.error()};
  return resolve(state, *parsed);
}

atl::result<dirent> resolve_parent(state_reader& state, const parsed_path& path) {
  auto parents = path.names.size() - 1;
  auto at = walk(state, path, parents);
  if (!at)
    return tl::unexpected{at.error()};
  if (at->depth < parents)
    return tl::unexpected{missing(path, at->depth)};
  return at->last;
}

atl::error missing(const parsed_path& path, std::size_t depth) {
  auto name = path.quoted(depth + 1);
  if (depth + 1 == path.names.size())
    return {errc::not_found, fmt::format("{} doesn't exist", name)};
  return {errc::not_found, fmt::format("{} doesn't exist, so there is nothing below it", name)};
}

bool is_within(state_reader& state, inode_id directory, inode_id other) {
  for (auto at = directory; at != 0; at = state.find_inode(at).value_or(inode{}).parent)
    if (at == other)
      return true;
  return false;
}

std::string_view name_of(inode_type type) {
  switch (type) {
  case inode_type::file:
    return "file";
  case inode_type::directory:
    return "directory";
  case inode_type::symlink:
    return "symbolic link";
  case inode_type::fifo:
    return "named pipe";
  case inode_type::socket:
    return "socket";
  case inode_type::char_device:
    return "character device";
  case inode_type::block_device:
    return "block device";
  }
  return "inode";
}

} // namespace dfs::state
