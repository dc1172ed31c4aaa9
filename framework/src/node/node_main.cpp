#include "check_node.hpp"
#include "failure_queue.hpp"
#include "key_list.hpp"
#include "loaded_config.hpp"
#include "running_node.hpp"
#include "stop_waiter.hpp"

#include <atoll/core/open_files.hpp>
#include <atoll/core/standard_streams.hpp>
#include <atoll/node/data_folders.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <unistd.h>

namespace atl::node {

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr unsigned shutdown_seconds_max = 20;

int report_error(const error& problem) {
  fmt::print(stderr, "{}\n", problem.message);
  return exit_failed;
}

int report_failed_start(const error& problem) {
  log::error("node", "", "can't start: {}", problem.message);
  return exit_failed;
}

/// Loads plugins, and logs each before its code runs, at any log level: if a library ends the
/// process, the log must name the library.
result<plugin_host> load_for_start(const loaded_config& all, const application& application) {
  log::start(all.self.name, std::min(all.self.log_level, log::level::info));
  auto plugins = load_plugins(all, application, [](const guarded_step& step) {
    log::info("node", "", "{}: {}", step.subject, step.activity);
  });
  log::start(all.self.name, all.self.log_level);
  return plugins;
}

void log_secret(const cluster_config& cluster) {
  if (cluster.secret.empty())
    log::info("node", "",
              "has no secret ({} doesn't exist): it listens on loopback addresses only, and "
              "everyone on this machine may connect",
              cluster.secret_file.string());
  else
    log::info("node", "", "uses the secret {}", cluster.secret_file.string());
}

/// Deals with the failure of a role: starts the role again if it wants that, and takes it down
/// otherwise. @returns whether any role runs
bool node_goes_on(running_node& node, const std::string& role, const error& problem,
                  failure_queue& failures) {
  ::alarm(shutdown_seconds_max); // ends a node whose role hangs while it stops
  auto again = node.stop_for_another_start(role);
  auto goes_on = again || node.take_down(role, problem);
  ::alarm(0);
  if (!again)
    return goes_on;
  failures.drop(role); // those were of the run that has ended
  log::warning("node", "", "the role '{}' starts again", role);
  auto started = node.start_again(again);
  return started || node.take_down(role, started.error());
}

/// Runs until a signal, or the failure of the last role.
/// @returns the exit code.
int serve(running_node& node, const stop_waiter& stop, failure_queue& failures) {
  for (;;) {
    if (auto number = stop.wait(); number != 0) {
      log::info("node", "", "stops on signal {}", number);
      return 0;
    }
    while (auto failure = failures.take()) {
      auto& [role, problem] = *failure;
      if (!node.runs(role))
        continue; // a further failure of the same role
      log::error("node", "", "the role '{}' is down: {}", role, problem.message);
      if (!node_goes_on(node, role, problem, failures)) {
        log::error("node", "", "stopped: {}", problem.message);
        return exit_failed;
      }
    }
  }
}

int run(const std::string& file, const start_orders& orders, const application& application) {
  stop_waiter::hold_survived_signals();
  auto all = load_config(file, application);
  if (!all)
    return report_error(all.error());
  auto plugins = load_for_start(*all, application);
  if (!plugins)
    return report_error(plugins.error());
  auto stop = stop_waiter::make();
  if (!stop)
    return report_error(stop.error());
  std::string data;
  for (auto& folder : data_folders(all->config))
    data += (data.empty() ? "" : " and ") + folder.string();
  log::info("node", "", "starts: cluster {}, data {}, process {}", all->cluster.name, data,
            ::getpid());
  log_secret(all->cluster);
  failure_queue failures;
  auto failed = [&](std::string_view role, const error& problem) {
    failures.push(std::string{role}, problem);
    stop->wake();
  };
  auto node = running_node::start(
      {std::move(*all), std::move(*plugins), orders, raise_open_files_limit(), failed},
      application);
  if (!node)
    return report_failed_start(node.error());
  log::info("node", "", "serves");
  auto code = serve(**node, *stop, failures);
  ::alarm(shutdown_seconds_max); // ends a node that hangs while it stops
  node->reset();
  if (code == 0)
    log::info("node", "", "stopped");
  return code;
}

int run_program(int argc, char** argv, const application& application) {
  CLI::App app{application.description};
  std::string file;
  bool checks = false;
  bool lists = false;
  app.add_flag("--keys", lists, "Print every key: what it takes, its default, what it means");
  app.add_option("--config", file, "The node's TOML file")->check(CLI::ExistingFile);
  app.add_flag("--check", checks,
               "Validate the file, load the plugins and create each once, print every value and "
               "where it came from, and exit");
  start_orders orders;
  app.add_flag("--found-group", orders.found_group,
               "A member of a group whose data folder is empty founds the group at once, with the "
               "other members of the file, if none of them belongs to one. Without it, it waits "
               "for nodes that may belong to one");
  app.add_flag(
      "--new-disk", orders.new_disk,
      "What the data folder holds isn't wanted any more: it is moved into a folder "
      "former-… within it, and the node begins with an empty one. If node.data leaves out a "
      "disk that the node had, that disk alone is given up");
  app.add_flag("--rebuild-state", orders.rebuild_state,
               "A member of a group throws its copy of the state away and takes that of another "
               "member; its log, and so what it promised, stays. A copy that turns out to be "
               "damaged is rebuilt so without being told");
  app.add_option("--restore", orders.restore,
                 "A member of a group whose data folder is empty begins with the state in this "
                 "backup. Each member must be started so, once, with the same file; the group is "
                 "founded as soon as all founders have been")
      ->check(CLI::ExistingFile);
  app.set_version_flag("--version", application.version);
  try {
    app.parse(argc, argv);
    if (!lists && file.empty())
      throw CLI::RequiredError{"--config"};
  } catch (const CLI::ParseError& problem) {
    auto code = app.exit(problem);
    return code == 0 ? 0 : exit_usage;
  }
  if (lists) {
    fmt::print("{}", key_list(schema_of(application)));
    return 0;
  }
  return checks ? check_node(file, application) : run(file, orders, application);
}

} // namespace

int node_main(int argc, char** argv, const application& application) {
  open_standard_streams(); // otherwise the log might be written into a file of the data folder
  try {
    return run_program(argc, argv, application);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "{}: {}\n", application.program, problem.what());
  } catch (...) {
    fmt::print(stderr, "{}: something that is no std::exception was thrown\n", application.program);
  }
  return exit_failed;
}

} // namespace atl::node
