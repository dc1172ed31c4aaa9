#include "cli/check_files.hpp"

#include "cli/check_chunks.hpp"
#include "cli/file_walk.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "client/fragment_checks.hpp"
#include "client/master_calls.hpp"
#include "client/policies.hpp"
#include "settings/schemes.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace dfs::cli {

namespace {

using atl::spi::chunk_health;
using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr auto progress_interval = std::chrono::milliseconds{200};

/// Chunks that were judged, by what came of it.
struct chunk_counts {
  std::uint64_t chunks = 0;
  std::uint64_t degraded = 0;
  std::uint64_t critical = 0;
  std::uint64_t lost = 0;

  void add(chunk_health health) {
    ++chunks;
    degraded += health == chunk_health::degraded ? 1 : 0;
    critical += health == chunk_health::critical ? 1 : 0;
    lost += health == chunk_health::lost ? 1 : 0;
  }
  void add(const chunk_counts& more) {
    chunks += more.chunks;
    degraded += more.degraded;
    critical += more.critical;
    lost += more.lost;
  }
  std::uint64_t short_of_copies() const { return degraded + critical; }
  bool are_in_order() const { return short_of_copies() + lost == 0; }
};

struct checked_file {
  std::string path;
  chunk_counts counts{};
  fragment_findings found{};
};

std::string describe(const chunk_counts& counts) {
  if (counts.are_in_order())
    return fmt::format("{} chunk{}, all in order", counts.chunks, counts.chunks == 1 ? "" : "s");
  return fmt::format("{} of {} chunks short of copies ({} of these would be lost with the next "
                     "loss), {} can't be read",
                     counts.short_of_copies(), counts.chunks, counts.critical, counts.lost);
}

json to_json(const chunk_counts& counts) {
  return {{"chunks", counts.chunks},
          {"degraded", counts.degraded},
          {"critical", counts.critical},
          {"lost", counts.lost}};
}

json to_json(const checked_file& file) {
  auto out = to_json(file.counts);
  out["path"] = file.path;
  out["damaged"] = file.found.damaged;
  out["unknown"] = file.found.unknown;
  return out;
}

void print_file(const checked_file& file) {
  print("{}: {}\n", display_name(file.path), describe(file.counts));
  for (auto* findings : {&file.found.damaged, &file.found.unknown})
    for (auto& finding : *findings)
      print("  {}\n", display_name(finding));
}

/// Judges files one after the other. A chunk that several files share is judged once.
class file_check {
 public:
  file_check(const cluster_settings& cluster, control& masters, fragment_checks checks,
             bool is_deep, bool is_shown)
      : masters_{masters}, checks_{std::move(checks)},
        depth_{is_deep ? fragment_checks::depth::whole : fragment_checks::depth::presence},
        is_shown_{is_shown}, policies_{
                                 calls_to(masters),
                                 [library = std::make_shared<scheme_library>(cluster.plugin_path)](
                                     auto id, const auto& what) { return library->find(id, what); },
                                 cluster.client_refusal_timeout} {}

  /// @returns exit code of the first path that could not be read
  int check(const std::vector<std::string>& paths) {
    file_walk walk{masters_, [this](const std::string& path) { return check_file(path); }};
    for (auto& path : paths)
      walk.walk(path);
    if (is_shown_)
      show_progress_lines({});
    return walk.exit_code();
  }

  const chunk_counts& totals() const { return totals_; }
  std::uint64_t files() const { return files_; }
  const std::vector<checked_file>& flawed() const { return flawed_; }

 private:
  atl::status check_file(const std::string& path) {
    checked_file file{path};
    std::optional<atl::error> problem;
    auto read = for_each_chunk(masters_, path, [&](const chunk_record& chunk) {
      show_progress();
      if (auto health = judge(chunk, file.found))
        file.counts.add(*health);
      else if (!problem)
        problem = health.error();
    });
    ++files_;
    totals_.add(file.counts);
    if (!file.counts.are_in_order())
      flawed_.push_back(std::move(file));
    return problem ? atl::status{tl::unexpected{*problem}} : read;
  }

  atl::result<chunk_health> judge(const chunk_record& chunk, fragment_findings& found) {
    if (auto known = judged_.find(chunk.id); known != judged_.end())
      return known->second;
    auto by = policies_.find(chunk.policy);
    if (!by)
      return tl::unexpected{by.error()};
    atl::spi::chunk_report report;
    report.fragments = checks_.check(chunk, found, depth_);
    try {
      if (depth_ == fragment_checks::depth::whole && !(*by)->recovery->layout().identical)
        checks_.compare(chunk, *(*by)->recovery, report.fragments, found);
      return judged_[chunk.id] = (*by)->recovery->judge(report).health;
    } catch (const std::exception& thrown) {
      return atl::fail(atl::errc::internal, fmt::format("the recovery scheme {} threw: {}",
                                                        (*by)->policy.recovery, thrown.what()));
    }
  }

  void show_progress() {
    if (!is_shown_ || clock::now() - shown_at_ < progress_interval)
      return;
    shown_at_ = clock::now();
    show_progress_lines({fmt::format("{} files, {} chunks; {} short of copies, {} lost", files_,
                                     totals_.chunks, totals_.short_of_copies(), totals_.lost)});
  }

  control& masters_;
  fragment_checks checks_;
  const fragment_checks::depth depth_;
  const bool is_shown_;
  policies policies_;
  std::map<chunk_id, chunk_health> judged_;
  chunk_counts totals_;
  std::uint64_t files_ = 0;
  std::vector<checked_file> flawed_;
  clock::time_point shown_at_{};
};

/// Opens new connections for each check: storage nodes may have joined or left since the last one.
atl::result<std::unique_ptr<file_check>> begin_check(context& with, const cluster_settings& cluster,
                                                     control& masters, bool is_deep) {
  auto checks = fragment_checks::open(cluster, masters);
  if (!checks)
    return tl::unexpected{checks.error()};
  return std::make_unique<file_check>(cluster, masters, std::move(*checks), is_deep,
                                      shows_progress(with));
}

void print_result(context& with, const file_check& check) {
  if (with.json) {
    auto out = to_json(check.totals());
    out["files"] = check.files();
    out["flawed"] = json::array();
    for (auto& file : check.flawed())
      out["flawed"].push_back(to_json(file));
    return print("{}\n", out.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  for (auto& file : check.flawed())
    print_file(file);
  print("{} file{}: {}\n", check.files(), check.files() == 1 ? "" : "s", describe(check.totals()));
}

} // namespace

int check_files(context& with, const file_check_arguments& what) {
  auto cluster = with.settings();
  if (!cluster)
    return report_error(cluster.error());
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto check = begin_check(with, *cluster, **masters, what.deep);
  if (!check)
    return report_error(check.error());
  auto code = (*check)->check(what.paths);
  if (what.repair && !(*check)->totals().are_in_order()) {
    auto repaired = wait_for_repairs(**masters, shows_progress(with));
    if (!repaired)
      return report_error(repaired.error());
    check = begin_check(with, *cluster, **masters, what.deep);
    if (!check)
      return report_error(check.error());
    code = (*check)->check(what.paths);
  }
  if ((*check)->files() > 0 || code == done)
    print_result(with, **check);
  return !(*check)->totals().are_in_order() ? failed : code;
}

} // namespace dfs::cli
