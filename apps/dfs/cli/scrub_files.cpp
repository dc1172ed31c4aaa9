#include "cli/scrub_files.hpp"

#include "cli/output.hpp"
#include "cli/remote_path.hpp"
#include "client/file_pieces.hpp"
#include "client/fragment_checks.hpp"
#include "client/paths.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>
#include <string_view>
#include <utility>
#include <variant>

namespace dfs::cli {

namespace {

using nlohmann::json;

/// What came of the fragments of one file.
struct scrubbed_file {
  std::string path;
  fragment_findings found{};

  std::string_view verdict() const {
    return !found.damaged.empty() ? "damaged" : found.unknown.empty() ? "sound" : "unknown";
  }
};

json to_json(const scrubbed_file& file) {
  return {{"path", file.path},
          {"verdict", file.verdict()},
          {"fragments", file.found.fragments},
          {"damaged", file.found.damaged},
          {"unknown", file.found.unknown}};
}

void print_file(const scrubbed_file& file) {
  auto& found = file.found;
  print("{}: {}: {} fragment{} read\n", display_name(file.path), file.verdict(), found.fragments,
        found.fragments == 1 ? "" : "s");
  for (auto* findings : {&found.damaged, &found.unknown})
    for (auto& finding : *findings)
      print("  {}\n", display_name(finding));
}

/// Scrubs files one after the other, in the order in which they are found.
class file_scrub {
 public:
  file_scrub(context& with, control& masters, fragment_checks checks)
      : with_{with}, masters_{masters}, checks_{std::move(checks)} {}

  void scrub_path(const std::string& path) {
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
        note(scrub_file(next));
    }
  }

  int finish() {
    if (with_.json)
      print("{}\n", json{{"files", files_}}.dump(-1, ' ', false, json::error_handler_t::replace));
    return has_damaged_ ? failed : code_ != done ? code_ : has_unknown_ ? unavailable : done;
  }

 private:
  void note(const atl::error& problem) {
    auto code = report_error(problem);
    code_ = code_ == done ? code : code_;
  }
  void note(const atl::status& outcome) {
    if (!outcome)
      note(outcome.error());
  }

  /// Adds a directory's entries to what waits, so that the first one comes next.
  atl::status list(const std::string& path, std::vector<std::string>& waiting) {
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

  atl::status scrub_file(const std::string& path) {
    auto where = place_of(path);
    if (!where)
      return tl::unexpected{where.error()};
    auto page = masters_.query(queries::open{*where, 0});
    if (!page)
      return tl::unexpected{page.error()};
    scrubbed_file file{path};
    auto read = for_each_piece(masters_, path, *page, [&](const piece& part) -> atl::status {
      if (auto* stored = std::get_if<chunk_part>(&part.content))
        if (seen_.insert(stored->chunk.id).second) // a file that was copied shares its chunks
          checks_.check(stored->chunk, file.found);
      return {};
    });
    if (!read)
      return read;
    has_damaged_ = has_damaged_ || !file.found.damaged.empty();
    has_unknown_ = has_unknown_ || !file.found.unknown.empty();
    if (with_.json)
      files_.push_back(to_json(file));
    else
      print_file(file);
    return {};
  }

  context& with_;
  control& masters_;
  fragment_checks checks_;
  std::set<chunk_id> seen_;
  json files_ = json::array();
  bool has_damaged_ = false;
  bool has_unknown_ = false;
  int code_ = done; ///< of the first path that could not be read
};

} // namespace

int scrub_files(context& with, const std::vector<std::string>& paths) {
  auto cluster = with.settings();
  if (!cluster)
    return report_error(cluster.error());
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto checks = fragment_checks::open(*cluster, **masters);
  if (!checks)
    return report_error(checks.error());
  file_scrub all{with, **masters, std::move(*checks)};
  for (auto& path : paths)
    all.scrub_path(path);
  return all.finish();
}

} // namespace dfs::cli
