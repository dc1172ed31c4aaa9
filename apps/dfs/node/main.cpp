#include "node/node.hpp"
#include "node/open_files.hpp"

#include <atoll/core/open_files.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <mutex>
#include <signal.h>
#include <unistd.h>

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr unsigned shutdown_seconds_max = 20;

struct loaded {
  atl::config config;
  dfs::cluster_settings cluster;
  dfs::node_settings node;
  dfs::loaded_plugins plugins;
};

atl::result<loaded> load(const std::string& file) {
  auto config = atl::config::load(file, dfs::node_schema());
  if (!config)
    return tl::unexpected{config.error()};
  auto cluster = dfs::read_cluster(*config);
  if (!cluster)
    return tl::unexpected{cluster.error()};
  auto node = dfs::read_node(*config, *cluster);
  if (!node)
    return tl::unexpected{node.error()};
  auto plugins = dfs::load_plugins(*config, *cluster);
  if (!plugins)
    return tl::unexpected{plugins.error()};
  return loaded{std::move(*config), std::move(*cluster), std::move(*node), std::move(*plugins)};
}

void print_check(const loaded& all) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  auto rows = all.config.resolved();
  for (auto& row : rows) {
    key_width = std::max(key_width, row.key.size());
    value_width = std::max(value_width, row.value.size());
  }
  for (auto& row : rows)
    fmt::print("{:<{}} = {:<{}}  # {}\n", row.key, key_width, row.value, value_width, row.origin);
  fmt::print("\n");
  for (auto [role, plugin] :
       {std::pair{"consensus", &all.plugins.consensus},
        std::pair{"placement", &all.plugins.placement}, std::pair{"reads", &all.plugins.reads},
        std::pair{"recovery", &all.plugins.recovery}})
    fmt::print("# {}: {} from {}\n", role, plugin->text(), plugin->plugin->file().string());
}

/// Signals that end the node. Blocked in all threads, so that one thread can wait for them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGUSR1})
    sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void log_open_files(const dfs::node_settings& node, const dfs::open_files_plan& plan) {
  if (!node.is_storage)
    return atl::log::info("node", "", "may have {} files open", plan.limit);
  auto fewer = plan.connections < node.connections_max
                   ? fmt::format(" instead of the {} of node.connections: raise the limit for more",
                                 node.connections_max)
                   : std::string{};
  atl::log::info("node", "", "may have {} files open: {} bulk connections at once{}", plan.limit,
                 plan.connections, fewer);
}

int run(loaded all) {
  auto signals = block_signals();
  atl::log::start(all.node.name, all.node.log_level);
  atl::log::info("node", "", "starts: cluster {}, data {}, process {}", all.cluster.name,
                 all.node.data.string(), ::getpid());
  auto files =
      dfs::plan_open_files(all.node, all.cluster.durability, atl::raise_open_files_limit());
  if (!files) {
    atl::log::error("node", "", "can't start: {}", files.error().message);
    return exit_failed;
  }
  log_open_files(all.node, *files);
  all.node.connections_max = files->connections;
  all.node.sync_backlog_max = files->sync_backlog;
  std::mutex mutex;
  std::optional<atl::error> failure;
  auto failed = [&](const atl::error& problem) {
    std::lock_guard lock{mutex};
    if (failure)
      return;
    failure = problem;
    ::kill(::getpid(), SIGUSR1);
  };
  {
    auto node = dfs::node::start(
        {std::move(all.cluster), std::move(all.node), std::move(all.plugins), failed});
    if (!node) {
      atl::log::error("node", "", "can't start: {}", node.error().message);
      return exit_failed;
    }
    atl::log::info("node", "", "serves");
    int number = 0;
    sigwait(&signals, &number);
    atl::log::info("node", "", "stops on signal {}", number);
    ::alarm(shutdown_seconds_max); // a node that hangs while it stops is ended all the same
  }
  std::lock_guard lock{mutex};
  if (failure)
    atl::log::error("node", "", "stopped: {}", failure->message);
  else
    atl::log::info("node", "", "stopped");
  return failure ? exit_failed : 0;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"dfsd runs one node of a DFS cluster: a master, a storage node, or both.\n\n"
               "The node is described by a TOML file; docs/OPERATING.md explains all keys, and\n"
               "configs/reference.toml shows them. 'dfs up FOLDER' starts all nodes of a folder."};
  std::string file;
  bool check = false;
  app.add_option("--config", file, "The node's TOML file")->required()->check(CLI::ExistingFile);
  app.add_flag("--check", check,
               "Validate the file, load the plugins, print every value and where it came from, and "
               "exit");
  app.set_version_flag("--version", ATOLL_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    auto code = app.exit(problem);
    return code == 0 ? 0 : exit_usage;
  }
  auto all = load(file);
  if (!all) {
    fmt::print(stderr, "{}\n", all.error().message);
    return exit_failed;
  }
  if (check) {
    print_check(*all);
    return 0;
  }
  return run(std::move(*all));
}
