#include "client/file_extents.hpp"

#include <cstdint>
#include <utility>

namespace dfs {

using atl::errc;
using atl::fail;

atl::status for_each_extent(control& masters, const std::string& path, responses::opened& page,
                            const std::function<atl::status(const placed_extent&)>& each) {
  std::uint32_t next = 0; ///< the next extent to query
  for (;;) {
    for (auto& extent : page.extents) {
      // A hostile or defective master must not cause a large allocation.
      if (extent.chunk.size_bytes > protocol::chunk_bytes_max ||
          extent.length_bytes > extent.chunk.size_bytes)
        return fail(errc::corrupt, path + ": an extent that can't be true");
      if (auto taken = each(extent); !taken)
        return taken;
    }
    next += static_cast<std::uint32_t>(page.extents.size());
    if (!page.more || page.extents.empty())
      return {};
    auto following = masters.query(queries::open{path, next});
    if (!following)
      return tl::unexpected{following.error()};
    if (following->inode != page.inode || following->version != page.version)
      return fail(errc::refused, path + " was replaced while it was read; read it again");
    page = std::move(*following);
  }
}

} // namespace dfs
