#include "cli/commands.hpp"
#include "cli/file_commands.hpp"
#include "cli/launch_commands.hpp"
#include "cli/output.hpp"
#include "cli/usage_error.hpp"

#include <atoll/core/standard_streams.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <signal.h>
#include <system_error>

namespace {

using dfs::cli::context;

using chosen = dfs::cli::chosen_command;

void add_cluster(CLI::App& app, context& with, chosen& call) {
  auto* status = app.add_subcommand(
      "status", "Show health, nodes, plugins in force, space and files; exits with 8 for a "
                "degraded cluster and 5 for one that refuses writes");
  status->callback([&] { call = [&] { return dfs::cli::show_status(with); }; });

  auto* admin = app.add_subcommand("admin", "Change the cluster itself");
  admin->require_subcommand(1);
  static std::string name;
  auto* node = admin->add_subcommand(
      "node", "Ask a node itself: how its roles are, and which plugins it has loaded");
  node->add_option("NAME", name, "As node.name in its file, or HOST:PORT")->required();
  node->callback([&] { call = [&] { return dfs::cli::show_node(with, name); }; });
  auto* master = admin->add_subcommand("master", "The masters' group");
  master->require_subcommand(1);
  static std::uint32_t timeout_s = 600;
  auto* list = master->add_subcommand("list", "Show the group's members, and how far each is");
  list->callback([&] { call = [&] { return dfs::cli::list_masters(with); }; });
  auto* add = master->add_subcommand("add", "Let a master in: it learns everything first, then "
                                            "votes. The cluster's file must name it, with "
                                            "joins = true, and it must be running");
  add->add_option("NAME", name, "As in [[masters]]")->required();
  add->add_option("--timeout", timeout_s, "Seconds to wait until it knows everything")
      ->capture_default_str();
  add->callback([&] { call = [&] { return dfs::cli::add_master(with, name, timeout_s); }; });
  auto* replace =
      master->add_subcommand("replace", "Let a master whose disk was lost come back with an empty "
                                        "one: under a new id, since what the former disk promised "
                                        "is gone. Start it on the empty disk first");
  replace->add_option("NAME", name, "As in [[masters]]")->required();
  replace->add_option("--timeout", timeout_s, "Seconds to wait until it knows everything")
      ->capture_default_str();
  replace->callback(
      [&] { call = [&] { return dfs::cli::replace_master(with, name, timeout_s); }; });
  auto* remove = master->add_subcommand("remove", "Let a master go, alive or lost");
  remove->add_option("NAME", name, "As in [[masters]]")->required();
  static bool lost = false;
  remove->add_flag(
      "--lost", lost,
      "Your word that its disk is gone: it never comes back under this id. Wanted by a\n"
      "protocol that else waits for the vote of the one that goes");
  remove->callback([&] { call = [&] { return dfs::cli::remove_master(with, name, lost); }; });
  auto* lead = master->add_subcommand("lead", "Let a master lead");
  lead->add_option("NAME", name, "As in [[masters]]")->required();
  lead->callback([&] { call = [&] { return dfs::cli::lead_master(with, name); }; });

  static std::uint32_t collect_timeout_s = 3600;
  auto* collect = admin->add_subcommand(
      "collect", "Remove at once what no file refers to any more and no upload under way may use, "
                 "without waiting for files.grace, and wait until it is gone");
  collect->add_option("--timeout", collect_timeout_s, "Seconds to wait until it is gone")
      ->capture_default_str();
  collect->callback([&] { call = [&] { return dfs::cli::collect(with, collect_timeout_s); }; });

  auto* storage = admin->add_subcommand("storage", "The storage nodes");
  storage->require_subcommand(1);
  auto* new_disk = storage->add_subcommand(
      "replace", "Let a storage node whose disk was lost come back with an empty one. Start it on "
                 "the empty disk first; it is turned away until this is said");
  new_disk->add_option("NAME", name, "As node.name in its file")->required();
  new_disk->callback([&] { call = [&] { return dfs::cli::replace_storage(with, name); }; });
}

int run(int argc, char** argv) {
  CLI::App app{"dfs stores and reads files in a DFS cluster, and shows how the cluster is.\n\n"
               "  dfs up configs/quickstart\n"
               "  export DFS_CLUSTER=configs/quickstart\n"
               "  dfs put README.md /README.md\n"
               "  dfs status",
               "dfs"};
  app.require_subcommand(1);
  app.set_version_flag("--version", ATOLL_VERSION);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 exists already,\n"
      "5 no node could do it in time, 6 data is damaged, 7 no space left. Of several files\n"
      "each is tried, and the first failure decides. 'dfs status': 0 the cluster is healthy,\n"
      "5 writes are refused or no master answers, 8 it is degraded.");
  context with;
  app.add_option("-c,--cluster", with.cluster_file,
                 "The cluster's TOML file, or its folder; default ./cluster.toml")
      ->envname("DFS_CLUSTER");
  app.add_flag("--json", with.json, "Write JSON, where a program might read it");
  app.add_flag("-q,--quiet", with.quiet, "No progress bars");
  app.fallthrough();
  chosen call;
  dfs::cli::add_file_commands(app, with, call);
  add_cluster(app, with, call);
  dfs::cli::add_launch_commands(app, with, call);
  try {
    app.parse(dfs::cli::words_for_parser(argc, argv));
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& problem) {
    return dfs::cli::report_error({atl::errc::invalid, dfs::cli::explain(app, problem)});
  }
  return call();
}

} // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of the write, a peer's or the output's
  atl::open_standard_streams();
  int code = dfs::cli::failed;
  try {
    code = run(argc, argv);
  } catch (const std::system_error& problem) {
    if (std::ferror(stdout) != 0)
      dfs::cli::note_output_failure(problem.code().value());
    else
      code = dfs::cli::report_error({atl::errc::internal, problem.what()});
  } catch (const std::exception& problem) {
    code = dfs::cli::report_error({atl::errc::internal, problem.what()});
  }
  return dfs::cli::finish_output(code);
}
