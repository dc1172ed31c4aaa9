#include "cli/commands.hpp"
#include "cli/folder_secret.hpp"
#include "cli/launcher.hpp"
#include "cli/master_standing.hpp"
#include "cli/process_table.hpp"
#include "cli/run_folder.hpp"
#include "cli/status_text.hpp"

#include <atoll/core/identity.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

namespace dfs::cli {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds{50};

/// A node that `dfs up` waits for.
struct awaited_node {
  local_node node;
  pid_t process = 0;
  bool is_child = false; ///< this command started it
  std::uintmax_t log_begin = 0;
};

atl::result<run_lock> lock_folder(const std::string& folder, std::uint32_t timeout_s) {
  return run_lock::take(absolute_path(folder), std::chrono::seconds{timeout_s}, [&] {
    fmt::print(stderr, "another 'dfs up' or 'dfs down' is at work on {}; waiting for it\n", folder);
  });
}

// -- up ---------------------------------------------------------------------------------------

/// A cluster without a secret works, on this machine.
void provide_secret(const std::string& folder, const std::vector<local_node>& nodes) {
  if (auto made = make_missing_secret(folder, nodes); !made)
    fmt::print(stderr, "no secret was made, so the nodes listen on loopback addresses only: {}\n",
               made.error().message);
}

/// Warns if the node's file was edited since its process was started.
void report_changed_file(const local_node& node, pid_t process, const std::string& folder) {
  auto before = started_configuration(node, process);
  if (!before || *before == node.configuration)
    return;
  fmt::print(stderr,
             "{0}: its configuration has changed since it was started ({1}), and it goes on with "
             "the old one; 'dfs down {2}' and 'dfs up {2}' put the new one into force\n",
             node.name, describe_changes(*before, node.configuration), shell_word(folder));
}

/// Is no node's data part of a group yet, so that the cluster must be founded? Otherwise a master
/// without data has lost its disk, or its disk isn't mounted: it must not found another group.
bool is_new_cluster(const std::vector<local_node>& nodes) {
  return std::ranges::all_of(nodes, [](auto& node) {
    auto group = atl::group_of_folder(node.data);
    return group && group->empty();
  });
}

/// Starts the nodes that don't run yet. @param running_nodes gets every node that runs, also on
/// failure
atl::status start_all(const std::vector<local_node>& nodes, const std::string& folder,
                      std::vector<awaited_node>& running_nodes) {
  auto program = sibling_program("dfsd");
  std::vector<std::string> orders;
  if (is_new_cluster(nodes))
    orders.push_back("--found-group");
  for (auto& node : nodes) {
    if (auto pid = running(node)) {
      fmt::print("{} runs already (process {})\n", node.name, *pid);
      report_changed_file(node, *pid, folder);
      running_nodes.push_back({node, *pid, false, 0});
      continue;
    }
    auto started = start(node, program, node.is_master ? orders : std::vector<std::string>{});
    if (!started)
      return tl::unexpected{started.error()};
    fmt::print("{} started (process {}, log {})\n", node.name, started->process, node.log.string());
    running_nodes.push_back({node, started->process, true, started->log_begin});
  }
  return {};
}

/// Why the cluster isn't ready; empty if it is.
std::string not_ready(const json& status, const std::vector<awaited_node>& nodes) {
  for (auto& master : status["masters"])
    if (master["health"] == "waiting")
      return fmt::format("master {} takes no part: {}", master["name"].get<std::string>(),
                         master["waiting"].get<std::string>());
  for (auto& master : status["masters"])
    if (master["health"] == "turned away")
      return fmt::format("master {} is turned away: {}", master["name"].get<std::string>(),
                         master["why"].get<std::string>());
  for (auto& master : status["masters"])
    if (master["health"] != "up")
      return fmt::format("master {} doesn't answer", master["name"].get<std::string>());
  auto blocked = status["seen_by"]["blocked"].get<std::string>();
  if (!blocked.empty())
    return blocked;
  for (auto& master : status["masters"])
    if (is_astray(master, status))
      return fmt::format("master {} doesn't follow the leading master yet",
                         master["name"].get<std::string>());
  for (auto& it : nodes) {
    if (!it.node.is_storage)
      continue;
    auto up = false;
    for (auto& storage : status["storages"])
      up = up || (storage["name"] == it.node.name && storage["health"] == "up");
    if (!up)
      return fmt::format("storage node {} hasn't joined", it.node.name);
  }
  return {};
}

std::string describe_end(const awaited_node& it, const std::string& how) {
  auto text = fmt::format("node {} (process {}) {}", it.node.name, it.process, how);
  auto log = log_tail(it.node, it.log_begin);
  if (!log.empty())
    return fmt::format("{}; the end of {}:\n{}", text, it.node.log.string(), log);
  return fmt::format("{} and wrote nothing to {}; a plugin that crashes while it is loaded, say, "
                     "ends a node like that: 'dfsd --config {} --check' loads them too",
                     text, it.node.log.string(), shell_word(it.node.config.string()));
}

/// How the first node that has ended did so, with the end of its log.
std::string ended(const std::vector<awaited_node>& nodes) {
  for (auto& it : nodes) {
    if (it.is_child) {
      if (auto how = end_of_child(it.process))
        return describe_end(it, *how);
    } else if (!is_alive(it.process)) {
      return describe_end(it, "ended");
    }
  }
  return {};
}

atl::status wait_until_ready(context& with, const std::vector<awaited_node>& nodes,
                             std::chrono::seconds timeout) {
  auto masters = with.masters();
  if (!masters)
    return tl::unexpected{masters.error()};
  auto give_up = clock::now() + timeout;
  std::string missing;
  while (clock::now() < give_up) {
    if (auto problem = ended(nodes); !problem.empty())
      return atl::fail(atl::errc::internal, problem);
    if (auto status = gather_status(**masters)) {
      missing = not_ready(*status, nodes);
      if (missing.empty())
        return {};
    } else {
      missing = status.error().message;
    }
    std::this_thread::sleep_for(poll_interval);
  }
  return atl::fail(atl::errc::timeout, fmt::format("the cluster wasn't ready within {} s: {}",
                                                   timeout.count(), missing));
}

/// Which nodes a failed `dfs up` leaves running, and how to stop them.
std::string what_runs_on(const std::vector<awaited_node>& nodes, const std::string& folder) {
  std::vector<std::string> names;
  for (auto& it : nodes)
    if (is_alive(it.process))
      names.push_back(fmt::format("{} (process {})", it.node.name, it.process));
  return names.empty() ? "\nno node of the folder runs now"
                       : fmt::format("\nstill running: {}; 'dfs down {}' stops them",
                                     fmt::join(names, ", "), shell_word(folder));
}

atl::status start_and_wait(context& with, const std::string& folder, std::uint32_t timeout_s,
                           std::vector<awaited_node>& nodes) {
  auto described = nodes_in(folder);
  if (!described)
    return tl::unexpected{described.error()};
  with.cluster_file = folder;
  if (auto cluster = with.settings(); !cluster)
    return tl::unexpected{cluster.error()};
  {
    auto lock = lock_folder(folder, timeout_s);
    if (!lock)
      return tl::unexpected{lock.error()};
    provide_secret(folder, *described);
    if (auto started = start_all(*described, folder, nodes); !started)
      return started;
  }
  return wait_until_ready(with, nodes, std::chrono::seconds{timeout_s});
}

// -- down -------------------------------------------------------------------------------------

/// A node to stop, and its processes: none, one, or more by mistake.
struct node_to_stop {
  local_node node;
  std::vector<pid_t> processes;
};

/// All nodes that the folder's files describe, and all processes that were started with a file of
/// the folder, even if the file is gone.
atl::result<std::vector<node_to_stop>> nodes_to_stop(const std::string& folder) {
  auto described = unchecked_nodes_in(folder);
  if (!described)
    return tl::unexpected{described.error()};
  std::vector<node_to_stop> list;
  for (auto& node : *described)
    list.push_back({std::move(node), {}});
  for (auto& process : processes_of(absolute_path(folder))) {
    auto same = std::find_if(list.begin(), list.end(),
                             [&](auto& it) { return it.node.config == process.config; });
    if (same == list.end())
      same = list.insert(list.end(), {unchecked_node(process.config), {}});
    same->processes.push_back(process.pid);
  }
  if (list.empty())
    return atl::fail(atl::errc::not_found,
                     fmt::format("{} holds no file that describes a node, and no node that was "
                                 "started from there runs",
                                 folder));
  return list;
}

exit_code stop_one(const node_to_stop& it, std::chrono::seconds timeout) {
  auto code = done;
  if (it.processes.empty())
    fmt::print("{} wasn't running\n", it.node.name);
  for (auto process : it.processes) {
    auto stopped = stop(process, timeout);
    if (!stopped) {
      auto& problem = stopped.error();
      report_error({problem.code, fmt::format("{}: {}", it.node.name, problem.message)});
      code = exit_code_of(problem.code);
      continue;
    }
    fmt::print("{} {}\n", it.node.name,
               *stopped ? "stopped" : "didn't stop in time and was killed");
    if (!*stopped)
      code = failed;
  }
  if (code != done)
    return code;
  forget_process(it.node);
  return done;
}

} // namespace

int up(context& with, const std::string& folder, std::uint32_t timeout_s) {
  std::vector<awaited_node> nodes;
  auto ready = start_and_wait(with, folder, timeout_s, nodes);
  if (!ready) {
    auto runs_on = nodes.empty() ? std::string{} : what_runs_on(nodes, folder);
    return report_error({ready.error().code, ready.error().message + runs_on});
  }
  fmt::print("the cluster answers; use it with: export DFS_CLUSTER={}\n",
             shell_word(absolute_path(folder).string()));
  return done;
}

int down(context&, const std::string& folder, std::uint32_t timeout_s) {
  // No 'dfs up' is under way in a folder that isn't writable.
  std::optional<run_lock> lock;
  if (fs::exists(absolute_path(folder) / "run")) {
    auto taken = lock_folder(folder, timeout_s);
    if (taken)
      lock = std::move(*taken);
    else if (taken.error().code == atl::errc::busy)
      return report_error(taken.error());
  }
  auto nodes = nodes_to_stop(folder);
  if (!nodes)
    return report_error(nodes.error());
  int code = done;
  for (auto& it : *nodes)
    if (auto stopped = stop_one(it, std::chrono::seconds{timeout_s}); stopped != done)
      code = stopped;
  return code;
}

} // namespace dfs::cli
