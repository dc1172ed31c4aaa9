#include "namespace/chunks.hpp"
#include "namespace/directories.hpp"
#include "namespace/execute_query.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/resolver.hpp"
#include "namespace/shared_encoding.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;

namespace {

/// Of an entry without its name.
constexpr std::size_t entry_bytes = 16 + wire::attributes_bytes;

responses::entry entry_of(state_reader& state, std::string_view name, const dirent& found) {
  return {std::string{name}, found.id, state.must_inode(found.id)};
}

/// The piece that an extent's row describes.
piece piece_of(present_reader& state, std::uint64_t end, extent& row) {
  piece made{row.begin, end - row.begin, {}};
  if (auto* bytes = std::get_if<std::string>(&row.content)) {
    made.content = std::move(*bytes);
  } else {
    auto& part = std::get<extent::part>(row.content);
    made.content =
        chunk_part{record_of(part.chunk, state.must_chunk(part.chunk)), part.offset_bytes};
  }
  return made;
}

/// The deepest directory that exists on the way to something that is yet to be made.
result<dirent> nearest_directory(present_reader& state, const parsed_path& path) {
  auto at = walk(state, path, path.names.empty() ? 0 : path.names.size() - 1);
  if (!at)
    return tl::unexpected{at.error()};
  return at->last;
}

} // namespace

result<responses::entry> execute(present_reader& state, const queries::stat& query) {
  auto path = parse_path(query.where);
  if (!path)
    return tl::unexpected{path.error()};
  auto found = resolve(state, *path);
  if (!found)
    return tl::unexpected{found.error()};
  return entry_of(state, path->names.empty() ? std::string_view{} : path->names.back(), *found);
}

result<responses::listing> execute(present_reader& state, const queries::list& query) {
  auto found = resolve(state, query.where);
  if (!found)
    return tl::unexpected{found.error()};
  if (found->type != inode_type::directory)
    return fail(errc::refused, fmt::format("{} is a {}, not a directory", in_quotes(query.where),
                                           name_of(found->type)));
  auto from = keys::entry(found->id, query.after);
  if (!query.after.empty())
    from.push_back('\0');
  responses::listing answer;
  page page{query.limit};
  state.scan(keys::entries_of(found->id), from, [&](std::string_view key, std::string_view value) {
    auto name = keys::name_in(key);
    dirent child;
    if (!decode(value, child))
      state.fail_damaged(fmt::format("an entry of {}", in_quotes(query.where)));
    answer.more = !page.take(entry_bytes + name.size());
    if (!answer.more)
      answer.entries.push_back(entry_of(state, name, child));
    return !answer.more && !state.failure();
  });
  return answer;
}

result<responses::opened> execute(present_reader& state, const queries::open& query) {
  auto found = resolve(state, query.where);
  if (!found)
    return tl::unexpected{found.error()};
  if (found->type != inode_type::file && found->type != inode_type::symlink)
    return fail(errc::refused, fmt::format("{} is a {}, not a file", in_quotes(query.where),
                                           name_of(found->type)));
  responses::opened answer{found->id, state.must_inode(found->id), {}, false};
  if (query.from_offset >= answer.attributes.size_bytes)
    return answer;
  page page{0, wire::attributes_bytes};
  state.scan(keys::extents_of(found->id), keys::extent(found->id, query.from_offset + 1),
             [&](std::string_view key, std::string_view value) {
               extent row;
               auto end = keys::extent_end_in(key);
               if (!end || !decode(value, row) || row.begin >= *end) {
                 state.fail_damaged(fmt::format("an extent of {}", in_quotes(query.where)));
                 return false;
               }
               auto part = piece_of(state, *end, row);
               answer.more = !page.take(wire::encoded_bytes(part));
               if (!answer.more)
                 answer.pieces.push_back(std::move(part));
               return !answer.more && !state.failure();
             });
  return answer;
}

result<responses::xattr_value> execute(present_reader& state, const queries::get_xattr& query) {
  auto found = resolve(state, query.where);
  if (!found)
    return tl::unexpected{found.error()};
  auto value = state.find_xattr(found->id, query.name);
  if (!value)
    return fail(errc::not_found, fmt::format("{} has no attribute {}", in_quotes(query.where),
                                             in_quotes(query.name)));
  return responses::xattr_value{std::move(*value)};
}

result<responses::xattr_names> execute(present_reader& state, const queries::list_xattrs& query) {
  auto found = resolve(state, query.where);
  if (!found)
    return tl::unexpected{found.error()};
  auto from = keys::xattr(found->id, query.after);
  if (!query.after.empty())
    from.push_back('\0');
  responses::xattr_names answer;
  page page{0};
  state.scan(keys::xattrs_of(found->id), from, [&](std::string_view key, std::string_view) {
    auto name = keys::name_in(key);
    answer.more = !page.take(sizeof(std::uint32_t) + name.size());
    if (!answer.more)
      answer.names.emplace_back(name);
    return !answer.more;
  });
  return answer;
}

result<responses::effective_policy> execute(present_reader& state,
                                            const queries::policy_of& query) {
  auto path = parse_path(query.where);
  if (!path)
    return tl::unexpected{path.error()};
  auto holder = query.for_new_file ? nearest_directory(state, *path) : resolve(state, *path);
  if (!holder)
    return tl::unexpected{holder.error()};
  found_policy holds;
  if (holder->type == inode_type::directory) {
    holds = policy_in(state, holder->id);
  } else if (holder->type == inode_type::file) {
    holds = {state.must_inode(holder->id).policy, holder->id};
  } else if (!path->names.empty()) {
    auto parent = resolve_parent(state, *path);
    if (!parent)
      return tl::unexpected{parent.error()};
    holds = policy_in(state, parent->id);
  }
  auto policy = state.find_policy(holds.id);
  if (!policy)
    return fail(errc::not_found,
                fmt::format("no policy holds for {}: the leading master defines that of the root "
                            "when it takes office",
                            in_quotes(query.where)));
  return responses::effective_policy{holds.id, std::move(*policy), holds.set_at, holder->id};
}

} // namespace dfs::state
