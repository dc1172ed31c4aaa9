#include "namespace/content.hpp"

#include "namespace/chunks.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

namespace {

/// An extent with its end, which stands in the row's key.
struct range {
  std::uint64_t end = 0;
  extent what;
};

std::uint64_t length_of(const range& of) {
  return of.end - of.what.begin;
}

range parse(state_transaction& state, inode_id id, std::string_view key, std::string_view value) {
  range parsed;
  auto end = keys::extent_end_in(key);
  if (!end || !decode(value, parsed.what) || *end <= parsed.what.begin) {
    state.fail_damaged(fmt::format("an extent of inode {}", id));
    return {};
  }
  parsed.end = *end;
  return parsed;
}

/// The part of an extent from `begin` to `end`, which lie within it.
range cut(const range& from, std::uint64_t begin, std::uint64_t end) {
  auto skipped = begin - from.what.begin;
  range part{end, {begin, {}}};
  if (auto* bytes = std::get_if<std::string>(&from.what.content)) {
    part.what.content = bytes->substr(skipped, end - begin);
  } else {
    auto stored = std::get<extent::part>(from.what.content);
    stored.offset_bytes += skipped;
    part.what.content = stored;
  }
  return part;
}

void put(state_transaction& state, inode_id id, const range& of) {
  state.put(keys::extent(id, of.end), encode(of.what));
}

/// The content loses `bytes` of an extent, and has `extents` more of it.
void account(state_transaction& state, inode& file, const extent& of, std::int64_t extents,
             std::uint64_t bytes) {
  if (auto* part = std::get_if<extent::part>(&of.content)) {
    change_references(state, part->chunk, extents, -static_cast<std::int64_t>(bytes));
  } else {
    file.inline_bytes -= bytes;
    state.meta().inline_bytes -= bytes;
  }
}

/// Takes the part from `begin` to `end` out of an extent that reaches into it.
void cut_out(state_transaction& state, inode_id id, inode& file, const range& old,
             std::uint64_t begin, std::uint64_t end) {
  auto keeps_left = old.what.begin < begin;
  auto keeps_right = old.end > end;
  auto gone = std::min(old.end, end) - std::max(old.what.begin, begin);
  std::int64_t more = keeps_left + keeps_right - 1;
  account(state, file, old.what, more, gone);
  file.extents += static_cast<std::uint32_t>(more);
  if (keeps_left)
    put(state, id, cut(old, old.what.begin, begin));
  if (keeps_right)
    put(state, id, cut(old, end, old.end)); // replaces the old row, for it ends where that ended
  else
    state.erase(keys::extent(id, old.end));
}

} // namespace

void clear_range(state_transaction& state, inode_id id, inode& file, std::uint64_t begin,
                 std::uint64_t end) {
  constexpr std::size_t rows_at_a_time = 64;
  auto prefix = keys::extents_of(id);
  auto from = keys::extent(id, begin + 1);
  while (begin < end && !state.failure()) {
    auto rows = state.first_rows(prefix, from, rows_at_a_time);
    for (const auto& [key, value] : rows) {
      auto old = parse(state, id, key, value);
      if (state.failure() || old.what.begin >= end)
        return;
      cut_out(state, id, file, old, begin, end);
      if (old.end >= end)
        return;
      from = key + '\0';
    }
    if (rows.size() < rows_at_a_time)
      return;
  }
}

void put_pieces(state_transaction& state, inode_id id, inode& file,
                const std::vector<piece>& pieces, std::uint64_t base, bool is_new) {
  // References come first: a chunk whose last extent is overwritten by a part of itself stays.
  for (const auto& part : pieces)
    if (auto* stored = std::get_if<chunk_part>(&part.content))
      add_reference(state, stored->chunk, part.length_bytes);
  for (const auto& part : pieces) {
    auto begin = base + part.offset_bytes;
    auto end = begin + part.length_bytes;
    if (!is_new)
      clear_range(state, id, file, begin, end);
    extent row{begin, {}};
    if (auto* bytes = std::get_if<std::string>(&part.content)) {
      row.content = *bytes;
      file.inline_bytes += part.length_bytes;
      state.meta().inline_bytes += part.length_bytes;
    } else if (auto* stored = std::get_if<chunk_part>(&part.content)) {
      row.content = extent::part{stored->chunk.id, stored->offset_bytes};
    } else {
      continue;
    }
    put(state, id, {end, std::move(row)});
    ++file.extents;
  }
}

std::uint32_t drop_extents(state_transaction& state, inode_id id, std::string& from,
                           std::size_t limit) {
  auto rows = state.first_rows(keys::extents_of(id), from, limit);
  for (const auto& [key, value] : rows) {
    auto gone = parse(state, id, key, value);
    if (state.failure())
      break;
    inode ignored;
    account(state, ignored, gone.what, -1, length_of(gone));
    state.erase(key);
    from = key + '\0';
  }
  return static_cast<std::uint32_t>(rows.size());
}

atl::result<std::vector<piece>> pieces_of(state_transaction& state, inode_id id,
                                          std::uint64_t begin, std::uint64_t end) {
  std::vector<range> found;
  state.scan(keys::extents_of(id), keys::extent(id, begin + 1),
             [&](std::string_view key, std::string_view value) {
               auto next = parse(state, id, key, value);
               if (state.failure() || next.what.begin >= end)
                 return false;
               found.push_back(
                   cut(next, std::max(next.what.begin, begin), std::min(next.end, end)));
               return found.size() <= limits::pieces_per_command_max;
             });
  if (found.size() > limits::pieces_per_command_max)
    return atl::fail(atl::errc::refused,
                     fmt::format("the range has more than {} extents: take it in parts",
                                 limits::pieces_per_command_max));
  std::vector<piece> pieces;
  for (auto& part : found) {
    piece made{part.what.begin - begin, length_of(part), {}};
    if (auto* bytes = std::get_if<std::string>(&part.what.content)) {
      made.content = std::move(*bytes);
    } else {
      auto& stored = std::get<extent::part>(part.what.content);
      made.content =
          chunk_part{record_of(stored.chunk, state.must_chunk(stored.chunk)), stored.offset_bytes};
    }
    pieces.push_back(std::move(made));
  }
  return pieces;
}

} // namespace dfs::state
