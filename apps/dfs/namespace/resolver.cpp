#include "namespace/resolver.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;

atl::result<walked> walk(state_reader& state, const parsed_path& path, std::size_t count) {
  walked at;
  while (at.depth < count) {
    auto next = state.find_entry(at.last.id, path.names[at.depth]);
    if (!next)
      return at;
    at = {*next, at.depth + 1};
    auto needs_directory = at.depth < path.names.size() || path.directory_only;
    if (needs_directory && at.last.type != inode_type::directory)
      return fail(errc::refused,
                  fmt::format("{} is a file, not a directory", in_quotes(path.first(at.depth))));
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

atl::result<dirent> resolve(state_reader& state, std::string_view path) {
  auto parsed = parse_path(path);
  if (!parsed)
    return tl::unexpected{parsed.error()};
  return resolve(state, *parsed);
}

atl::error missing(const parsed_path& path, std::size_t depth) {
  auto name = in_quotes(path.first(depth + 1));
  if (depth + 1 == path.names.size())
    return {errc::not_found, fmt::format("{} doesn't exist", name)};
  return {errc::not_found, fmt::format("{} doesn't exist, so there is nothing below it", name)};
}

} // namespace dfs::state
