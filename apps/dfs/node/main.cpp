#include "node/key_list.hpp"
#include "node/node.hpp"
#include "node/open_files_plan.hpp"
#include "node/signals.hpp"

#include <atoll/core/guarded_run.hpp>
#include <atoll/core/open_files.hpp>
#include <atoll/core/standard_streams.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <unistd.h>

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr unsigned shutdown_seconds_max = 20;

struct configured {
  atl::config config;
  dfs::cluster_settings cluster;
  dfs::node_settings node;
};

atl::result<configured> read(const std::string& file) {
  auto config = atl::config::load(file, dfs::node_schema());
  if (!config)
    return tl::unexpected{config.error()};
  auto cluster = dfs::read_cluster(*config);
  if (!cluster)
    return tl::unexpected{cluster.error()};
  auto node = dfs::read_node(*config, *cluster);
  if (!node)
    return tl::unexpected{node.error()};
  return configured{std::move(*config), std::move(*cluster), std::move(*node)};
}

/// Loads the plugins that the configuration chooses, and creates each once.
atl::result<dfs::loaded_plugins> load(const configured& all, const atl::announce_step& announce) {
  auto plugins = dfs::load_plugins(all.config, all.cluster, announce);
  if (!plugins)
    return plugins;
  if (auto fine = dfs::try_plugins(*plugins, announce); !fine)
    return tl::unexpected{fine.error()};
  return plugins;
}

int report_error(const atl::error& problem) {
  fmt::print(stderr, "{}\n", problem.message);
  return exit_failed;
}

void print_check(const configured& all, const dfs::loaded_plugins& plugins) {
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
       {std::pair{"consensus", &plugins.consensus}, std::pair{"placement", &plugins.placement},
        std::pair{"reads", &plugins.reads}, std::pair{"recovery", &plugins.recovery}})
    fmt::print("# {}: {} from {}\n", role, plugin->text(), plugin->plugin->file().string());
  fmt::print("# secret: {}\n", all.cluster.secret.empty()
                                   ? "none; the node listens on loopback addresses only"
                                   : all.cluster.secret_file.string());
}

int check_here(const std::string& file, const atl::announce_step& announce) {
  auto all = read(file);
  if (!all)
    return report_error(all.error());
  auto plugins = load(*all, announce);
  if (!plugins)
    return report_error(plugins.error());
  if (auto fine = dfs::try_consensus(*plugins, all->cluster, announce); !fine)
    return report_error(fine.error());
  announce({file, "printing", std::chrono::seconds{0}});
  print_check(*all, *plugins);
  if (std::fflush(stdout) == 0)
    return 0;
  std::fprintf(stderr, "dfsd: writing standard output failed\n");
  return exit_failed;
}

/// An operator's orders for this start alone.
struct start_orders {
  bool found_group = false;
  bool new_disk = false;
};

/// Checks in a child process: a plugin that crashes or hangs is an error like others.
int check(const std::string& file) {
  auto code = atl::run_guarded(
      [&](const atl::announce_step& announce) { return check_here(file, announce); });
  return code ? *code : report_error(code.error());
}

/// Loads plugins, and logs each before its code runs, at any log level: if a library ends the
/// process, the log must name the library.
atl::result<dfs::loaded_plugins> load_for_start(const configured& all) {
  atl::log::start(all.node.name, std::min(all.node.log_level, atl::log::level::info));
  auto plugins = load(all, [](const atl::guarded_step& step) {
    atl::log::info("node", "", "{}: {}", step.subject, step.activity);
  });
  atl::log::start(all.node.name, all.node.log_level);
  return plugins;
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

void log_secret(const dfs::cluster_settings& cluster) {
  if (cluster.secret.empty())
    atl::log::info("node", "",
                   "has no secret ({} doesn't exist): it listens on loopback addresses only, and "
                   "everyone on this machine may connect",
                   cluster.secret_file.string());
  else
    atl::log::info("node", "", "uses the secret {}", cluster.secret_file.string());
}

/// The first failure that a part of the node reported.
class node_failure {
 public:
  void set(const atl::error& problem) {
    std::lock_guard lock{mutex_};
    if (!first_)
      first_ = problem;
  }
  std::optional<atl::error> get() const {
    std::lock_guard lock{mutex_};
    return first_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<atl::error> first_;
};

/// Runs the node until a signal stops it. The error says why the node could not start.
atl::status serve(configured all, dfs::loaded_plugins plugins, const start_orders& orders,
                  const dfs::stop_waiter& stop, node_failure& failure) {
  auto failed = [&](const atl::error& problem) {
    failure.set(problem);
    stop.wake();
  };
  auto node = dfs::node::start({std::move(all.cluster), std::move(all.node), std::move(plugins),
                                orders.found_group, orders.new_disk, failed});
  if (!node)
    return tl::unexpected{node.error()};
  atl::log::info("node", "", "serves");
  if (auto number = stop.wait(); number != 0)
    atl::log::info("node", "", "stops on signal {}", number);
  ::alarm(shutdown_seconds_max); // ends a node that hangs while it stops
  return {};
}

int run(const std::string& file, const start_orders& orders) {
  dfs::stop_waiter::hold_survived_signals();
  auto all = read(file);
  if (!all)
    return report_error(all.error());
  auto plugins = load_for_start(*all);
  if (!plugins)
    return report_error(plugins.error());
  auto stop = dfs::stop_waiter::make();
  if (!stop)
    return report_error(stop.error());
  atl::log::info("node", "", "starts: cluster {}, data {}, process {}", all->cluster.name,
                 all->node.data.string(), ::getpid());
  log_secret(all->cluster);
  auto files =
      dfs::plan_open_files(all->node, all->cluster.durability, atl::raise_open_files_limit());
  if (!files) {
    atl::log::error("node", "", "can't start: {}", files.error().message);
    return exit_failed;
  }
  log_open_files(all->node, *files);
  all->node.connections_max = files->connections;
  all->node.unproved_max = files->unproved;
  all->node.sync_backlog_max = files->sync_backlog;
  node_failure failure;
  if (auto ran = serve(std::move(*all), std::move(*plugins), orders, *stop, failure); !ran) {
    atl::log::error("node", "", "can't start: {}", ran.error().message);
    return exit_failed;
  }
  if (auto problem = failure.get()) {
    atl::log::error("node", "", "stopped: {}", problem->message);
    return exit_failed;
  }
  atl::log::info("node", "", "stopped");
  return 0;
}

int run_program(int argc, char** argv) {
  CLI::App app{"dfsd runs one node of a DFS cluster: a master, a storage node, or both.\n\n"
               "The node is described by a TOML file. --keys lists every key that it may have;\n"
               "configs/reference.toml shows them in use, docs/OPERATING.md tells how to run a\n"
               "cluster. 'dfs up FOLDER' starts all nodes of a folder."};
  std::string file;
  bool checks = false;
  bool lists = false;
  app.add_flag("--keys", lists, "Print every key: what it takes, its default, what it means");
  app.add_option("--config", file, "The node's TOML file")->check(CLI::ExistingFile);
  app.add_flag("--check", checks,
               "Validate the file, load the plugins and create each once, print every value and "
               "where it came from, and exit");
  start_orders orders;
  app.add_flag(
      "--found-group", orders.found_group,
      "A master whose data folder is empty founds the group at once, with the other masters "
      "of the file, if none of them belongs to one. Without it, it waits for storage nodes "
      "that may belong to one");
  app.add_flag(
      "--new-disk", orders.new_disk,
      "What the data folder holds isn't wanted any more: it is moved into a folder former-… "
      "within it, and the node begins with an empty one");
  app.set_version_flag("--version", ATOLL_VERSION);
  try {
    app.parse(argc, argv);
    if (!lists && file.empty())
      throw CLI::RequiredError{"--config"};
  } catch (const CLI::ParseError& problem) {
    auto code = app.exit(problem);
    return code == 0 ? 0 : exit_usage;
  }
  if (lists) {
    fmt::print("{}", dfs::key_list(dfs::node_schema()));
    return 0;
  }
  return checks ? check(file) : run(file, orders);
}

} // namespace

int main(int argc, char** argv) {
  atl::open_standard_streams(); // otherwise the log might be written into a file of the data folder
  try {
    return run_program(argc, argv);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "dfsd: %s\n", problem.what());
  } catch (...) {
    std::fprintf(stderr, "dfsd: something that is no std::exception was thrown\n");
  }
  return exit_failed;
}
