#include "client/piece_read.hpp"

#include "client/file_pieces.hpp"

#include <algorithm>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;

/// How often a part may have been replaced while it was read.
constexpr int attempts_max = 4;

/// Reads what the file has now in the place of a part of it.
atl::status read_present(control& masters, storage_pool& storages, const file_content& of,
                         std::uint64_t offset, std::span<char> into) {
  auto end = offset + into.size();
  for (auto at = offset; at < end;) {
    auto page = masters.query(queries::open{{of.inode, {}}, at});
    if (!page)
      return tl::unexpected{page.error()};
    if (page->attributes.data_version != of.data_version)
      return tl::unexpected{changed_meanwhile(of.path)};
    auto before = at;
    for (const auto& each : page->pieces) {
      auto* stored = std::get_if<chunk_part>(&each.content);
      auto skipped = at - std::min(at, each.offset_bytes);
      if (at >= end || stored == nullptr || each.offset_bytes > at || skipped >= each.length_bytes)
        break;
      auto length = std::min(end - at, each.length_bytes - skipped);
      auto read = storages.fetch_range(stored->chunk, stored->offset_bytes + skipped,
                                       into.subspan(at - offset, length));
      if (!read)
        return read;
      at += length;
    }
    if (at == before)
      return fail(errc::corrupt,
                  of.path + ": its present description has no chunk where an earlier one had");
  }
  return {};
}

} // namespace

atl::status read_piece(control& masters, storage_pool& storages, const file_content& of,
                       const piece& part, std::span<char> into) {
  auto& stored = std::get<chunk_part>(part.content);
  auto first = storages.fetch_range(stored.chunk, stored.offset_bytes, into);
  if (first || first.error().code != errc::not_found)
    return first;
  for (int attempt = 1; attempt < attempts_max; ++attempt) {
    auto read = read_present(masters, storages, of, part.offset_bytes, into);
    if (read)
      return read;
    if (read.error().code == errc::refused) // the file has another content
      return first;
    if (read.error().code != errc::not_found)
      return read;
  }
  return first;
}

} // namespace dfs
