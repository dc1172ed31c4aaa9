#include "cli/commands.hpp"
#include "cli/launcher.hpp"
#include "cli/status_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <thread>

namespace dfs::cli {

namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds{50};

/// Why the cluster can't be used yet; empty when it can.
std::string not_ready(const json& status, const std::vector<local_node>& nodes) {
  for (auto& master : status["masters"])
    if (master["health"] != "up")
      return fmt::format("master {} doesn't answer", master["name"].get<std::string>());
  auto blocked = status["seen_by"]["blocked"].get<std::string>();
  if (!blocked.empty())
    return blocked;
  for (auto& node : nodes) {
    if (!node.is_storage)
      continue;
    auto up = false;
    for (auto& storage : status["storages"])
      up = up || (storage["name"] == node.name && storage["health"] == "up");
    if (!up)
      return fmt::format("storage node {} hasn't joined", node.name);
  }
  return {};
}

/// The first of the nodes that has ended, with what it said last.
std::string ended(const std::vector<local_node>& nodes) {
  for (auto& node : nodes)
    if (!running(node))
      return fmt::format("node {} ended; the end of {}:\n{}", node.name, node.log.string(),
                         last_words(node));
  return {};
}

int wait_until_ready(context& with, const std::vector<local_node>& nodes,
                     std::chrono::seconds timeout) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto give_up = clock::now() + timeout;
  std::string missing;
  while (clock::now() < give_up) {
    if (auto problem = ended(nodes); !problem.empty())
      return complain({atl::errc::internal, problem});
    if (auto status = gather_status(**masters)) {
      missing = not_ready(*status, nodes);
      if (missing.empty())
        return done;
    } else {
      missing = status.error().message;
    }
    std::this_thread::sleep_for(poll_interval);
  }
  return complain(
      {atl::errc::timeout,
       fmt::format("the cluster wasn't ready within {} s: {}; 'dfs down' stops what was "
                   "started",
                   timeout.count(), missing)});
}

} // namespace

int show_status(context& with) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto status = gather_status(**masters);
  if (!status)
    return complain(status.error());
  if (with.json)
    fmt::print("{}\n", status->dump());
  else
    fmt::print("{}", status_text(*status));
  return done;
}

int up(context& with, const std::string& folder, std::uint32_t timeout_s) {
  auto nodes = nodes_in(folder);
  if (!nodes)
    return complain(nodes.error());
  auto program = sibling_program("dfsd");
  for (auto& node : *nodes) {
    if (auto pid = running(node)) {
      fmt::print("{} runs already (process {})\n", node.name, *pid);
      continue;
    }
    auto pid = start(node, program);
    if (!pid)
      return complain(pid.error());
    fmt::print("{} started (process {}, log {})\n", node.name, *pid, node.log.string());
  }
  with.cluster_file = folder;
  auto code = wait_until_ready(with, *nodes, std::chrono::seconds{timeout_s});
  if (code == done)
    fmt::print("the cluster answers; use it with: export DFS_CLUSTER={}\n", folder);
  return code;
}

int down(context&, const std::string& folder, std::uint32_t timeout_s) {
  auto nodes = nodes_in(folder);
  if (!nodes)
    return complain(nodes.error());
  int code = done;
  for (auto& node : *nodes) {
    auto was_running = running(node).has_value();
    auto stopped = stop(node, std::chrono::seconds{timeout_s});
    if (!stopped) {
      code = complain(stopped.error());
      continue;
    }
    fmt::print("{} {}\n", node.name,
               !was_running ? "wasn't running"
               : *stopped   ? "stopped"
                            : "didn't stop in time and was killed");
    if (was_running && !*stopped)
      code = failed;
  }
  return code;
}

} // namespace dfs::cli
