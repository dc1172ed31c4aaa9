#include "namespace/keys.hpp"
#include "namespace/limits.hpp"
#include "namespace/lookup.hpp"
#include "namespace/query.hpp"
#include "namespace/wire.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;

namespace {

constexpr std::size_t entry_bytes = 64; ///< at most, but for the name

answers::entry entry_of(view& state, std::string_view name, const dirent& found) {
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
    : bytes_left_{limits::answer_bytes_max - 128 - used}, items_left_{limit ? limit : UINT32_MAX} {}

bool page::take(std::size_t item_bytes) {
  if (items_left_ == 0 || (item_bytes > bytes_left_ && !first_))
    return false;
  --items_left_;
  bytes_left_ -= std::min(bytes_left_, item_bytes);
  first_ = false;
  return true;
}

result<std::string> answer_question(present_view& state, std::string_view bytes) {
  auto question = decode_question(bytes);
  if (!question)
    return encode_answer(question.error());
  auto answer =
      std::visit([&](const auto& asked) { return encode_answer(ask(state, asked)); }, *question);
  if (state.failure())
    return tl::unexpected{*state.failure()};
  return answer;
}

result<answers::entry> ask(present_view& state, const questions::stat& question) {
  auto path = parse_path(question.path);
  if (!path)
    return tl::unexpected{path.error()};
  auto found = resolve(state, *path);
  if (!found)
    return tl::unexpected{found.error()};
  return entry_of(state, path->is_root() ? std::string_view{} : path->names.back(), *found);
}

result<answers::listing> ask(present_view& state, const questions::list& question) {
  auto found = resolve(state, question.path);
  if (!found)
    return tl::unexpected{found.error()};
  if (found->type != inode_type::directory)
    return fail(errc::refused,
                fmt::format("{} is a file, not a directory", in_quotes(question.path)));
  auto from = keys::entry(found->id, question.after);
  if (!question.after.empty())
    from.push_back('\0');
  answers::listing answer;
  page page{question.limit};
  state.scan(keys::entries_of(found->id), from, [&](std::string_view key, std::string_view value) {
    auto name = keys::name_in(key);
    dirent child;
    if (!decode(value, child))
      state.fail_damaged(fmt::format("an entry of {}", in_quotes(question.path)));
    answer.more = !page.take(entry_bytes + name.size());
    if (!answer.more)
      answer.entries.push_back(entry_of(state, name, child));
    return !answer.more && !state.failure();
  });
  return answer;
}

result<answers::opened> ask(present_view& state, const questions::open& question) {
  auto found = resolve(state, question.path);
  if (!found)
    return tl::unexpected{found.error()};
  if (found->type != inode_type::file)
    return fail(errc::refused,
                fmt::format("{} is a directory, not a file", in_quotes(question.path)));
  auto inode = state.must_inode(found->id);
  answers::opened answer{.inode = found->id,
                         .version = inode.version,
                         .size_bytes = inode.size_bytes,
                         .mtime_us = inode.mtime_us,
                         .extents_total = inode.extents,
                         .first_extent = question.from_extent,
                         .inline_bytes = {},
                         .extents = {},
                         .more = false};
  if (inode.extents == 0) {
    answer.inline_bytes = state.must_content(found->id, inode.size_bytes);
    return answer;
  }
  page page{0};
  state.scan(keys::extents_of(found->id), keys::extent(found->id, question.from_extent),
             [&](std::string_view, std::string_view value) {
               extent at;
               if (!decode(value, at))
                 state.fail_damaged(fmt::format("an extent of {}", in_quotes(question.path)));
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
