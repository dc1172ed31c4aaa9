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
                                                   bool parents, commands::new_inode inode) {
  auto where = new_place(path);
  if (!where)
    return tl::unexpected{where.error()};
  commands::make wanted;
  wanted.where = std::move(*where);
  wanted.inode = inode;
  wanted.inode.type = inode_type::directory;
  wanted.parents = parents;
  if (parents)
    wanted.existing = commands::make::if_exists::keep;
  return masters.run(std::move(wanted));
}

atl::result<std::string> read_link(control& masters, const std::string& path) {
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  auto opened = masters.query(queries::open{std::move(*where), 0});
  if (!opened)
    return tl::unexpected{opened.error()};
  auto* target = opened->pieces.size() == 1
                     ? std::get_if<std::string>(&opened->pieces.front().content)
                     : nullptr;
  if (opened->attributes.type != inode_type::symlink || !target)
    return atl::fail(atl::errc::refused, fmt::format("{} is no symbolic link", in_quotes(path)));
  return *target;
}

atl::result<place> new_place(const std::string& path) {
  if (!atl::is_utf8(path))
    return atl::fail(atl::errc::invalid,
                     fmt::format("path {} is not valid UTF-8", in_quotes(path)));
  return place_of(path);
}

} // namespace dfs
