#include "client/paths.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

namespace dfs {

atl::result<responses::entry> stat_path(control& masters, const std::string& path) {
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  return masters.query(queries::stat{std::move(*where)});
}

atl::result<responses::changed> run_make_directory(control& masters, const std::string& path,
                                                   bool parents) {
  auto where = new_place(path);
  if (!where)
    return tl::unexpected{where.error()};
  commands::make wanted;
  wanted.where = std::move(*where);
  wanted.inode.type = inode_type::directory;
  wanted.inode.mode = 0755;
  wanted.parents = parents;
  if (parents)
    wanted.existing = commands::make::if_exists::keep;
  return masters.run(std::move(wanted));
}

atl::result<place> new_place(const std::string& path) {
  if (!atl::is_utf8(path))
    return atl::fail(atl::errc::invalid,
                     fmt::format("path {} is not valid UTF-8", in_quotes(path)));
  return place_of(path);
}

} // namespace dfs
