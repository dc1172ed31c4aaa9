#include "client/file_pieces.hpp"

#include "namespace/path.hpp"

#include <cstdint>
#include <utility>

namespace dfs {

using atl::errc;
using atl::fail;

namespace {

/// A hostile or defective master must not cause a large allocation, or a read beyond a chunk.
bool can_be_true(const piece& part, std::uint64_t offset, std::uint64_t size_bytes) {
  if (part.length_bytes == 0 || part.offset_bytes < offset || part.offset_bytes > size_bytes ||
      part.length_bytes > size_bytes - part.offset_bytes)
    return false;
  if (auto* bytes = std::get_if<std::string>(&part.content))
    return bytes->size() == part.length_bytes;
  auto* stored = std::get_if<chunk_part>(&part.content);
  return stored && stored->chunk.size_bytes <= protocol::chunk_bytes_max &&
         stored->offset_bytes <= stored->chunk.size_bytes &&
         part.length_bytes <= stored->chunk.size_bytes - stored->offset_bytes;
}

} // namespace

atl::error changed_meanwhile(const std::string& path) {
  return {errc::refused, path + " was replaced or changed while it was read; read it again"};
}

atl::status for_each_piece(control& masters, const std::string& path, responses::opened& page,
                           const std::function<atl::status(const piece&)>& each) {
  std::uint64_t offset = 0;
  auto pass_hole = [&](std::uint64_t end) -> atl::status {
    if (end == offset)
      return {};
    piece gap{offset, end - offset, hole{}};
    offset = end;
    return each(gap);
  };
  for (;;) {
    for (auto& part : page.pieces) {
      if (!can_be_true(part, offset, page.attributes.size_bytes))
        return fail(errc::corrupt, path + ": a piece that can't be true");
      if (auto passed = pass_hole(part.offset_bytes); !passed)
        return passed;
      if (auto taken = each(part); !taken)
        return taken;
      offset = part.offset_bytes + part.length_bytes;
    }
    if (!page.more || page.pieces.empty())
      return pass_hole(page.attributes.size_bytes);
    auto where = place_of(path);
    if (!where)
      return tl::unexpected{where.error()};
    auto following = masters.query(queries::open{*where, offset});
    if (!following)
      return tl::unexpected{following.error()};
    if (following->inode != page.inode ||
        following->attributes.data_version != page.attributes.data_version)
      return tl::unexpected{changed_meanwhile(path)};
    page = std::move(*following);
  }
}

} // namespace dfs
