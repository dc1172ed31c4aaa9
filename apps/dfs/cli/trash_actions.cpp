#include "cli/trash_actions.hpp"

#include "cli/commands.hpp"
#include "cli/file_attributes.hpp"
#include "cli/output.hpp"
#include "client/paths.hpp"
#include "namespace/namespace_limits.hpp"

#include <atoll/core/quantity.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <functional>
#include <utility>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using nlohmann::json;
using item = responses::trash_page::item;

/// Visits what was removed from the place or below it, in the order in which it expires.
/// @param take gets the state's time too; false ends the visit
atl::status visit_trash(control& masters, const place& under,
                        const std::function<bool(const item&, std::uint64_t)>& take) {
  queries::trash query{under};
  for (;;) {
    auto page = masters.query(query);
    if (!page)
      return tl::unexpected{page.error()};
    for (const auto& found : page->items)
      if (!take(found, page->time_us))
        return {};
    if (!page->more)
      return {};
    query.after_expires_us = page->next_expires_us;
    query.after_inode = page->next_inode;
  }
}

/// The path that something had, for people.
std::string path_of(const item& what) {
  if (what.from.at == root_inode)
    return "/" + what.from.path;
  return fmt::format("(inode {})/{}", what.from.at, what.from.path);
}

json describe(const item& what) {
  return {{"id", what.inode},
          {"path", path_of(what)},
          {"type", type_text(what.type)},
          {"removed_us", what.removed_us},
          {"expires_us", what.expires_us},
          {"bytes", what.bytes},
          {"inodes", what.inodes},
          {"is_counted", what.is_counted}};
}

void print_row(const item& what) {
  auto is_directory = what.type == inode_type::directory;
  print("{:>8} {:>12}{} {:>8} {} {} {}{}\n", what.inode, human_bytes(what.bytes),
        what.is_counted ? ' ' : '+', is_directory ? fmt::to_string(what.inodes - 1) : "",
        human_time(static_cast<std::int64_t>(what.removed_us)),
        human_time(static_cast<std::int64_t>(what.expires_us)), display_name(path_of(what)),
        is_directory ? "/" : "");
}

/// What `trash restore` is to restore: an id, or the path that it had. Of several with the same
/// path the one that was removed last.
atl::result<inode_id> find_in_trash(control& masters, const std::string& word) {
  inode_id id = 0;
  auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), id);
  if (problem == std::errc{} && end == word.data() + word.size())
    return id;
  auto where = place_of(word);
  if (!where)
    return fail(where.error(), "an id of 'dfs trash list', or the path that it had, is needed");
  while (where->path.ends_with('/'))
    where->path.pop_back();
  std::optional<item> latest;
  auto visited = visit_trash(masters, *where, [&](const item& found, std::uint64_t) {
    auto is_it = found.from == *where && (!latest || found.removed_us >= latest->removed_us);
    if (is_it)
      latest = found;
    return true;
  });
  if (!visited)
    return tl::unexpected{visited.error()};
  if (!latest)
    return fail(errc::not_found,
                fmt::format("nothing in the trash was removed as {}; what is in a directory that "
                            "was removed comes back with that directory ('dfs trash list')",
                            in_quotes(word)));
  return latest->inode;
}

/// What there is to discard, as many as one command takes.
atl::result<std::vector<inode_id>> find_to_discard(control& masters, const place& under,
                                                   std::uint64_t older_than_us) {
  std::vector<inode_id> found;
  auto visited = visit_trash(masters, under, [&](const item& what, std::uint64_t now_us) {
    if (what.removed_us <= now_us && now_us - what.removed_us >= older_than_us)
      found.push_back(what.inode);
    return found.size() < limits::discards_max;
  });
  if (!visited)
    return tl::unexpected{visited.error()};
  return found;
}

} // namespace

int list_trash(context& with, const std::string& path) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto under = place_of(path);
  if (!under)
    return report_error(under.error());
  auto out = json::array();
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  auto visited = visit_trash(**masters, *under, [&](const item& what, std::uint64_t) {
    if (with.json)
      out.push_back(describe(what));
    else if (entries == 0)
      print("{:>8} {:>12}  {:>8} {:<19} {:<19} {}\n", "id", "size", "holds", "removed", "expires",
            "path");
    if (!with.json)
      print_row(what);
    ++entries;
    bytes += what.bytes;
    return !has_output_failed();
  });
  if (!visited)
    return report_error(visited.error());
  if (with.json)
    print("{}\n", out.dump(-1, ' ', is_output_terminal(), json::error_handler_t::replace));
  else
    print("{} entries, {}\n", entries, human_bytes(bytes));
  return done;
}

int restore_from_trash(context& with, const std::string& what, const std::string& to) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto id = find_in_trash(**masters, what);
  if (!id)
    return report_error(id.error());
  commands::restore wanted{*id};
  if (!to.empty()) {
    auto where = new_place(to);
    if (!where)
      return report_error(where.error());
    wanted.to = std::move(*where);
  }
  auto parents = own_inode(inode_type::directory);
  wanted.parents_mode = parents.mode;
  wanted.uid = parents.uid;
  wanted.gid = parents.gid;
  auto restored = (*masters)->run(std::move(wanted));
  return restored ? done : report_error(restored.error());
}

atl::result<responses::discarded> empty_trash(control& masters, const place& under,
                                              std::chrono::microseconds older_than) {
  responses::discarded all;
  for (;;) {
    auto found = find_to_discard(masters, under, static_cast<std::uint64_t>(older_than.count()));
    if (!found)
      return tl::unexpected{found.error()};
    if (found->empty())
      return all;
    auto gone = masters.run(commands::discard{std::move(*found)});
    if (!gone)
      return gone;
    all.entries += gone->entries;
    all.bytes += gone->bytes;
  }
}

int empty_trash(context& with, const std::string& path, const std::string& older_than) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto under = place_of(path);
  if (!under)
    return report_error(under.error());
  auto age = older_than.empty() ? atl::result<std::chrono::microseconds>{0}
                                : atl::parse_duration(older_than);
  if (!age)
    return report_error(age.error());
  auto gone = empty_trash(**masters, *under, *age);
  if (!gone)
    return report_error(gone.error());
  if (with.json)
    print("{}\n", json{{"entries", gone->entries}, {"bytes", gone->bytes}}.dump());
  else
    print("{} entries removed for good, {}\n", gone->entries, human_bytes(gone->bytes));
  return done;
}

} // namespace dfs::cli
