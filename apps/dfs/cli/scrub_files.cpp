#include "cli/scrub_files.hpp"

#include "cli/file_walk.hpp"
#include "cli/output.hpp"
#include "client/fragment_checks.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>
#include <string_view>
#include <utility>

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

  void scrub_path(const std::string& path) { walk_.walk(path); }

  int finish() {
    if (with_.json)
      print("{}\n", json{{"files", files_}}.dump(-1, ' ', false, json::error_handler_t::replace));
    auto code = walk_.exit_code();
    return has_damaged_ ? failed : code != done ? code : has_unknown_ ? unavailable : done;
  }

 private:
  atl::status scrub_file(const std::string& path) {
    scrubbed_file file{path};
    auto read = for_each_chunk(masters_, path, [&](const chunk_record& chunk) {
      if (seen_.insert(chunk.id).second) // a file that was copied shares its chunks
        checks_.check(chunk, file.found, fragment_checks::depth::whole);
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
  file_walk walk_{masters_, [this](const std::string& path) { return scrub_file(path); }};
  std::set<chunk_id> seen_;
  json files_ = json::array();
  bool has_damaged_ = false;
  bool has_unknown_ = false;
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
