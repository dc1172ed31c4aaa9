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

constexpr std::size_t entry_bytes = 64; ///< upper bound without the name

responses::entry entry_of(state_reader& state, std::string_view name, const dirent& found) {
  auto inode = state.must_inode(found.id);
  return {.name = std::string{name},
          .inode = found.id,
          .type = inode.type,
          .size_bytes = inode.size_bytes,
          .mtime_us = inode.mtime_us,
          .version = inode.version,
          .entries = inode.entries};
}

} // namespace

page::page(std::uint32_t limit, std::size_t used)
    : bytes_left_{limits::response_bytes_max - 128 - used}, items_left_{limit ? limit
                                                                              : UINT32_MAX} {}

bool page::take(std::size_t item_bytes) {
  if (items_left_ == 0 || (item_bytes > bytes_left_ && !first_))
    return false;
  --items_left_;
  bytes_left_ -= std::min(bytes_left_, item_bytes);
  first_ = false;
  return true;
}

std::string execute_query(present_reader& state, std::string_view bytes) {
  auto query = decode_query(bytes);
  if (!query)
    return encode_response(query.error());
  return std::visit([&](const auto& asked) { return encode_response(execute(state, asked)); },
                    *query);
}

result<responses::entry> execute(present_reader& state, const queries::stat& query) {
  auto path = parse_path(query.path);
  if (!path)
    return tl::unexpected{path.error()};
  auto found = resolve(state, *path);
  if (!found)
    return tl::unexpected{found.error()};
  return entry_of(state, path->is_root() ? std::string_view{} : path->names.back(), *found);
}

result<responses::listing> execute(present_reader& state, const queries::list& query) {
  auto found = resolve(state, query.path);
  if (!found)
    return tl::unexpected{found.error()};
  if (found->type != inode_type::directory)
    return fail(errc::refused, fmt::format("{} is a file, not a directory", in_quotes(query.path)));
  auto from = keys::entry(found->id, query.after);
  if (!query.after.empty())
    from.push_back('\0');
  responses::listing answer;
  page page{query.limit};
  state.scan(keys::entries_of(found->id), from, [&](std::string_view key, std::string_view value) {
    auto name = keys::name_in(key);
    dirent child;
    if (!decode(value, child))
      state.fail_damaged(fmt::format("an entry of {}", in_quotes(query.path)));
    answer.more = !page.take(entry_bytes + name.size());
    if (!answer.more)
      answer.entries.push_back(entry_of(state, name, child));
    return !answer.more && !state.failure();
  });
  return answer;
}

result<responses::opened> execute(present_reader& state, const queries::open& query) {
  auto found = resolve(state, query.path);
  if (!found)
    return tl::unexpected{found.error()};
  if (found->type != inode_type::file)
    return fail(errc::refused, fmt::format("{} is a directory, not a file", in_quotes(query.path)));
  auto inode = state.must_inode(found->id);
  responses::opened answer{.inode = found->id,
                           .version = inode.version,
                           .size_bytes = inode.size_bytes,
                           .mtime_us = inode.mtime_us,
                           .extents_total = inode.extents,
                           .first_extent = query.from_extent,
                           .inline_bytes = {},
                           .extents = {},
                           .more = false};
  if (inode.extents == 0) {
    answer.inline_bytes = state.must_content(found->id, inode.size_bytes);
    return answer;
  }
  page page{0};
  state.scan(keys::extents_of(found->id), keys::extent(found->id, query.from_extent),
             [&](std::string_view, std::string_view value) {
               extent at;
               if (!decode(value, at))
                 state.fail_damaged(fmt::format("an extent of {}", in_quotes(query.path)));
               auto chunk = state.must_chunk(at.chunk);
               placed_extent placed{{at.chunk, chunk.size_bytes, std::move(chunk.nodes), chunk.crc},
                                    at.length_bytes};
               answer.more = !page.take(wire::encoded_bytes(placed.chunk) + sizeof(std::uint64_t));
               if (!answer.more)
                 answer.extents.push_back(std::move(placed));
               return !answer.more && !state.failure();
             });
  return answer;
}

} // namespace dfs::state
