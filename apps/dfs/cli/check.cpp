#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "common/check_protocol.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <thread>

namespace dfs::cli {

namespace {

using atl::errc;
using nlohmann::json;
using protocol::check_phase;
using protocol::check_state;

constexpr auto poll_interval = std::chrono::milliseconds{200};

std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

enum class verdict { sound, damaged, unknown };

/// What came of the check of a master.
struct checked_master {
  std::string name;
  atl::result<check_state> state;

  verdict judge() const {
    if (!state || state->phase != check_phase::done)
      return verdict::unknown;
    return state->findings_total == 0 ? verdict::sound : verdict::damaged;
  }
  /// Why there is no verdict.
  std::string failure() const { return state ? state->failure : state.error().message; }
};

std::string_view name_of(verdict what) {
  return what == verdict::sound ? "sound" : what == verdict::damaged ? "damaged" : "unknown";
}

/// How far the checks are, at the bottom of a terminal. For several threads.
class check_progress {
 public:
  explicit check_progress(bool is_shown) : is_shown_{is_shown} {}
  ~check_progress() {
    if (is_shown_)
      show_progress_lines({});
  }

  void note(const std::string& master, const check_state& state) {
    if (!is_shown_)
      return;
    std::lock_guard lock{mutex_};
    lines_[master] = fmt::format("{}: {}", atl::printable(master), describe(state));
    std::vector<std::string> all;
    for (auto& [_, line] : lines_)
      all.push_back(line);
    show_progress_lines(all);
  }

 private:
  static std::string describe(const check_state& state) {
    switch (state.phase) {
    case check_phase::waiting:
      return "another check is under way; waits for it";
    case check_phase::copying:
      return "copies its name space";
    case check_phase::counting:
      return fmt::format("{} rows counted", state.rows_read);
    case check_phase::reading:
      return fmt::format("{}% of the rows read",
                         state.rows_read * 100 / std::max<std::uint64_t>(state.rows_total, 1));
    case check_phase::done:
    case check_phase::failed:
      break;
    }
    return "done";
  }

  const bool is_shown_;
  std::mutex mutex_;
  std::map<std::string, std::string> lines_;
};

/// Has one master check its name space. @param cluster names that master alone
checked_master check_master(const cluster_settings& cluster, check_progress& progress) {
  auto& name = cluster.masters.front().name;
  control master{cluster};
  auto request = protocol::encode(protocol::check_request{random_number()});
  for (;;) {
    auto answers = master.call_each(protocol::kind::check_names, request);
    auto state = answers.front().and_then(protocol::decode_check_state);
    auto is_over =
        !state || state->phase == check_phase::done || state->phase == check_phase::failed;
    if (state)
      progress.note(name, *state);
    if (is_over)
      return {name, std::move(state)};
    std::this_thread::sleep_for(poll_interval);
  }
}

/// The cluster with one master, for each master that is to be checked.
atl::result<std::vector<cluster_settings>> select(const cluster_settings& cluster,
                                                  const std::vector<std::string>& names) {
  std::vector<cluster_settings> selected;
  auto add = [&](const auto& master) { selected.emplace_back(cluster).masters = {master}; };
  for (auto& name : names) {
    auto found = std::ranges::find(cluster.masters, name, [](auto& it) { return it.name; });
    if (found == cluster.masters.end())
      return atl::fail(errc::not_found,
                       fmt::format("the cluster's file names no master '{}'", name));
    add(*found);
  }
  if (names.empty())
    std::ranges::for_each(cluster.masters, add);
  return selected;
}

std::vector<checked_master> check_at_once(const std::vector<cluster_settings>& masters,
                                          check_progress& progress) {
  std::vector<std::future<checked_master>> under_way;
  under_way.reserve(masters.size());
  for (auto& master : masters)
    under_way.push_back(std::async(
        std::launch::async, [&master, &progress] { return check_master(master, progress); }));
  std::vector<checked_master> all;
  all.reserve(masters.size());
  for (auto& it : under_way)
    all.push_back(it.get());
  return all;
}

verdict judge(const std::vector<checked_master>& all) {
  auto some = [&](verdict what) {
    return std::ranges::any_of(all, [&](auto& master) { return master.judge() == what; });
  };
  return some(verdict::damaged)   ? verdict::damaged
         : some(verdict::unknown) ? verdict::unknown
                                  : verdict::sound;
}

void print_master(const checked_master& master) {
  auto name = display_name(master.name);
  switch (master.judge()) {
  case verdict::sound:
    return print("{}: sound: {} inodes, {} entries, {} chunks at log index {}\n", name,
                 master.state->inodes, master.state->entries, master.state->chunks,
                 master.state->log_index);
  case verdict::unknown:
    return print("{}: could not be checked: {}\n", name, atl::printable_lines(master.failure()));
  case verdict::damaged:
    break;
  }
  auto& state = *master.state;
  print("{}: damaged: {} finding{} at log index {}\n", name, state.findings_total,
        state.findings_total == 1 ? "" : "s", state.log_index);
  for (auto& finding : state.findings)
    print("  {}\n", atl::printable(finding));
  if (state.findings_total > state.findings.size())
    print("  and {} more\n", state.findings_total - state.findings.size());
}

/// What an operator may do about the damage.
void print_remedy(const std::vector<checked_master>& all) {
  auto has_sound = std::ranges::any_of(all, [](auto& it) { return it.judge() == verdict::sound; });
  for (auto& master : all)
    if (master.judge() == verdict::damaged && has_sound)
      print("{0} can get a sound name space from the others: start it once with --rebuild-state "
            "(with "
            "two_phase_commit: with --new-disk, then 'dfs admin master replace {0}')\n",
            display_name(master.name));
  if (!has_sound)
    print(
        "no master was found sound: remove nothing, keep a copy of the masters' data folders, and "
        "report this\n");
}

json to_json(const checked_master& master) {
  json out{{"name", master.name}, {"verdict", name_of(master.judge())}};
  if (master.judge() == verdict::unknown) {
    out["failure"] = master.failure();
    return out;
  }
  out["log_index"] = master.state->log_index;
  out["inodes"] = master.state->inodes;
  out["entries"] = master.state->entries;
  out["chunks"] = master.state->chunks;
  out["findings_total"] = master.state->findings_total;
  out["findings"] = master.state->findings;
  return out;
}

int exit_code_for(verdict what) {
  return what == verdict::sound ? done : what == verdict::damaged ? failed : unavailable;
}

} // namespace

int check_names(context& with, const std::vector<std::string>& masters) {
  auto settings = with.settings();
  if (!settings)
    return report_error(settings.error());
  auto selected = select(*settings, masters);
  if (!selected)
    return report_error(selected.error());
  std::vector<checked_master> all;
  {
    check_progress progress{shows_progress(with)};
    all = check_at_once(*selected, progress);
  }
  auto overall = judge(all);
  if (with.json) {
    json out{{"verdict", name_of(overall)}, {"masters", json::array()}};
    for (auto& master : all)
      out["masters"].push_back(to_json(master));
    print("{}\n", out.dump(-1, ' ', false, json::error_handler_t::replace));
    return exit_code_for(overall);
  }
  for (auto& master : all)
    print_master(master);
  if (overall == verdict::damaged)
    print_remedy(all);
  return exit_code_for(overall);
}

} // namespace dfs::cli
