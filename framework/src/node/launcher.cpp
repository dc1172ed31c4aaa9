#include <atoll/core/identity.hpp>
#include <atoll/core/shell_word.hpp>
#include <atoll/node/folder_secret.hpp>
#include <atoll/node/launcher.hpp>
#include <atoll/node/node_process.hpp>
#include <atoll/node/process_table.hpp>
#include <atoll/node/run_folder.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <thread>

namespace atl::node {

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds{50};

/// A node that `up` waits for.
struct awaited_node {
  local_node node;
  pid_t process = 0;
  bool is_child = false; ///< this command started it
  std::uintmax_t log_begin = 0;
};

result<run_lock> lock_folder(const launch_settings& settings, const std::string& folder,
                             std::chrono::seconds timeout) {
  return run_lock::take(absolute_path(folder), settings.command, timeout, [&] {
    fmt::print(stderr, "another '{0} up' or '{0} down' is at work on {1}; waiting for it\n",
               settings.command, folder);
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
void report_changed_file(const launch_settings& settings, const local_node& node, pid_t process,
                         const std::string& folder) {
  auto before = started_configuration(node, process);
  if (!before || *before == node.configuration)
    return;
  fmt::print(stderr,
             "{0}: its configuration has changed since it was started ({1}), and it goes on with "
             "the old one; '{3} down {2}' and '{3} up {2}' put the new one into force\n",
             node.name, describe_changes(*before, node.configuration), shell_word(folder),
             settings.command);
}

/// Is no node's data part of a group yet, so that the cluster must be founded? Otherwise a node
/// without data has lost its disk, or its disk isn't mounted: it must not found another group.
bool is_new_cluster(const std::vector<local_node>& nodes) {
  return std::ranges::all_of(nodes, [](auto& node) {
    return std::ranges::all_of(node.data, [](auto& folder) {
      auto group = group_of_folder(folder);
      return group && group->empty();
    });
  });
}

/// Starts the nodes that don't run yet. @param running_nodes gets every node that runs, also on
/// failure
status start_all(const launch_settings& settings, const std::vector<local_node>& nodes,
                 const std::string& folder, std::vector<awaited_node>& running_nodes) {
  std::vector<std::string> orders;
  if (is_new_cluster(nodes))
    orders.push_back("--found-group");
  for (auto& node : nodes) {
    if (auto pid = running(node)) {
      fmt::print("{} runs already (process {})\n", node.name, *pid);
      report_changed_file(settings, node, *pid, folder);
      running_nodes.push_back({node, *pid, false, 0});
      continue;
    }
    auto started = start(node, settings.program, orders);
    if (!started)
      return tl::unexpected{started.error()};
    fmt::print("{} started (process {}, log {})\n", node.name, started->process, node.log.string());
    running_nodes.push_back({node, started->process, true, started->log_begin});
  }
  return {};
}

std::string describe_end(const launch_settings& settings, const awaited_node& awaited,
                         const std::string& end) {
  auto text = fmt::format("node {} (process {}) {}", awaited.node.name, awaited.process, end);
  auto log = log_tail(awaited.node, awaited.log_begin);
  if (!log.empty())
    return fmt::format("{}; the end of {}:\n{}", text, awaited.node.log.string(), log);
  return fmt::format("{} and wrote nothing to {}; a plugin that crashes while it is loaded, say, "
                     "ends a node like that: '{} --config {} --check' loads them too",
                     text, awaited.node.log.string(), settings.program.filename().string(),
                     shell_word(awaited.node.config.string()));
}

/// Starts the nodes again that ran when this command began and have ended since: they may have been
/// killed just before.
status start_ended(const launch_settings& settings, const std::string& folder,
                   std::chrono::seconds timeout, std::vector<awaited_node>& nodes) {
  for (auto& awaited : nodes) {
    if (awaited.is_child || is_alive(awaited.process))
      continue;
    auto lock = lock_folder(settings, folder, timeout);
    if (!lock)
      return tl::unexpected{lock.error()};
    if (auto pid = running(awaited.node)) { // another command was faster
      awaited.process = *pid;
      continue;
    }
    auto started = start(awaited.node, settings.program, {});
    if (!started)
      return tl::unexpected{started.error()};
    fmt::print("{} has ended, and is started again (process {}, log {})\n", awaited.node.name,
               started->process, awaited.node.log.string());
    awaited.process = started->process;
    awaited.log_begin = started->log_begin;
    awaited.is_child = true;
  }
  return {};
}

/// How the first node that has ended did so, with the end of its log.
std::string ended(const launch_settings& settings, const std::vector<awaited_node>& nodes) {
  for (auto& awaited : nodes) {
    auto end = awaited.is_child ? end_of_child(awaited.process) : std::nullopt;
    if (end)
      return describe_end(settings, awaited, *end);
  }
  return {};
}

status wait_until_ready(const launch_settings& settings, const std::string& folder,
                        std::vector<awaited_node>& nodes,
                        const std::function<std::string()>& not_ready,
                        std::chrono::seconds timeout) {
  auto give_up = clock::now() + timeout;
  std::string missing;
  while (clock::now() < give_up) {
    if (auto started = start_ended(settings, folder, timeout, nodes); !started)
      return started;
    if (auto problem = ended(settings, nodes); !problem.empty())
      return fail(errc::internal, problem);
    missing = not_ready();
    if (missing.empty())
      return {};
    std::this_thread::sleep_for(poll_interval);
  }
  return fail(errc::timeout,
              fmt::format("the cluster wasn't ready within {} s: {}", timeout.count(), missing));
}

/// Which nodes a failed `up` leaves running, and how to stop them.
std::string describe_running(const launch_settings& settings,
                             const std::vector<awaited_node>& nodes, const std::string& folder) {
  std::vector<std::string> names;
  for (auto& awaited : nodes)
    if (is_alive(awaited.process))
      names.push_back(fmt::format("{} (process {})", awaited.node.name, awaited.process));
  return names.empty() ? "\nno node of the folder runs now"
                       : fmt::format("\nstill running: {}; '{} down {}' stops them",
                                     fmt::join(names, ", "), settings.command, shell_word(folder));
}

status start_and_wait(const launch_settings& settings, const std::string& folder,
                      std::chrono::seconds timeout, std::vector<awaited_node>& nodes) {
  auto described = nodes_in(folder, settings.format);
  if (!described)
    return tl::unexpected{described.error()};
  if (auto fine = settings.check(folder); !fine)
    return fine;
  {
    auto lock = lock_folder(settings, folder, timeout);
    if (!lock)
      return tl::unexpected{lock.error()};
    provide_secret(folder, *described);
    if (auto started = start_all(settings, *described, folder, nodes); !started)
      return started;
  }
  auto not_ready = settings.watch(folder, *described);
  if (!not_ready)
    return tl::unexpected{not_ready.error()};
  return wait_until_ready(settings, folder, nodes, *not_ready, timeout);
}

// -- down -------------------------------------------------------------------------------------

/// A node to stop, and its processes: none, one, or more by mistake.
struct node_to_stop {
  local_node node;
  std::vector<pid_t> processes;
};

/// All nodes that the folder's files describe, and all processes that were started with a file of
/// the folder, even if the file is gone.
result<std::vector<node_to_stop>> nodes_to_stop(const std::string& folder) {
  auto described = unchecked_nodes_in(folder);
  if (!described)
    return tl::unexpected{described.error()};
  std::vector<node_to_stop> list;
  for (auto& node : *described)
    list.push_back({std::move(node), {}});
  for (auto& process : processes_of(absolute_path(folder))) {
    auto same = std::find_if(list.begin(), list.end(),
                             [&](auto& target) { return target.node.config == process.config; });
    if (same == list.end())
      same = list.insert(list.end(), {unchecked_node(process.config), {}});
    same->processes.push_back(process.pid);
  }
  if (list.empty())
    return fail(errc::not_found,
                fmt::format("{} holds no file that describes a node, and no node that was "
                            "started from there runs",
                            folder));
  return list;
}

/// Stops all processes of a node, and prints each failure but the last one, which is returned.
status stop_one(const node_to_stop& target, std::chrono::seconds timeout) {
  status all;
  auto note = [&](status failure) {
    if (!all)
      fmt::print(stderr, "{}\n", all.error().message);
    all = std::move(failure);
  };
  if (target.processes.empty())
    fmt::print("{} wasn't running\n", target.node.name);
  for (auto process : target.processes) {
    auto stopped = stop(process, timeout);
    if (!stopped)
      note(fail(stopped.error(), target.node.name));
    else if (*stopped)
      fmt::print("{} stopped\n", target.node.name);
    else
      note(fail(errc::internal,
                fmt::format("{} didn't stop in time and was killed", target.node.name)));
  }
  if (all)
    forget_process(target.node);
  return all;
}

} // namespace

status up(const launch_settings& settings, const std::string& folder,
          std::chrono::seconds timeout) {
  std::vector<awaited_node> nodes;
  auto ready = start_and_wait(settings, folder, timeout, nodes);
  if (!ready) {
    auto runs_on = nodes.empty() ? std::string{} : describe_running(settings, nodes, folder);
    return fail(ready.error().code, ready.error().message + runs_on);
  }
  fmt::print("{}\n", settings.ready_message(absolute_path(folder)));
  return {};
}

status down(const launch_settings& settings, const std::string& folder,
            std::chrono::seconds timeout) {
  // No `up` is under way in a folder that isn't writable.
  std::optional<run_lock> lock;
  if (fs::exists(absolute_path(folder) / "run")) {
    auto taken = lock_folder(settings, folder, timeout);
    if (taken)
      lock = std::move(*taken);
    else if (taken.error().code == errc::busy)
      return tl::unexpected{taken.error()};
  }
  auto nodes = nodes_to_stop(folder);
  if (!nodes)
    return tl::unexpected{nodes.error()};
  status all;
  for (auto& target : *nodes)
    if (auto stopped = stop_one(target, timeout); !stopped) {
      if (!all)
        fmt::print(stderr, "{}\n", all.error().message); // the last failure is returned
      all = stopped;
    }
  return all;
}

} // namespace atl::node
