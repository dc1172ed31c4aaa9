#include "cli/file_walk.hpp"

#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/remote_path.hpp"
#include "client/file_pieces.hpp"
#include "client/paths.hpp"

#include <utility>
#include <variant>

namespace dfs::cli {

void file_walk::walk(const std::string& path) {
  std::vector<std::string> waiting{path};
  while (!waiting.empty() && !has_output_failed()) {
    auto next = std::move(waiting.back());
    waiting.pop_back();
    auto entry = stat_path(masters_, next);
    if (!entry)
      note(entry.error());
    else if (entry->attributes.type == inode_type::directory)
      note(list(next, waiting));
    else if (entry->attributes.type == inode_type::file)
      note(each_(next));
  }
}

void file_walk::note(const atl::error& problem) {
  auto code = report_error(problem);
  code_ = code_ == done ? code : code_;
}

void file_walk::note(const atl::status& outcome) {
  if (!outcome)
    note(outcome.error());
}

/// Adds a directory's entries to what waits, so that the first one comes next.
atl::status file_walk::list(const std::string& path, std::vector<std::string>& waiting) {
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  std::vector<std::string> found;
  for (std::string after;;) {
    auto page = masters_.query(queries::list{*where, after, 0});
    if (!page)
      return tl::unexpected{page.error()};
    for (auto& entry : page->entries)
      found.push_back(join_path(path, entry.name));
    if (!page->more || page->entries.empty())
      break;
    after = page->entries.back().name;
  }
  waiting.insert(waiting.end(), found.rbegin(), found.rend());
  return {};
}

atl::status for_each_chunk(control& masters, const std::string& path,
                           const std::function<void(const chunk_record&)>& each) {
  auto where = place_of(path);
  if (!where)
    return tl::unexpected{where.error()};
  auto page = masters.query(queries::open{*where, 0});
  if (!page)
    return tl::unexpected{page.error()};
  return for_each_piece(masters, path, *page, [&](const piece& part) -> atl::status {
    if (auto* stored = std::get_if<chunk_part>(&part.content))
      each(stored->chunk);
    return {};
  });
}

} // namespace dfs::cli
