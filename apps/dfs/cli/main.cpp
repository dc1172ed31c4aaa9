#include "cli/backup.hpp"
#include "cli/check_files.hpp"
#include "cli/commands.hpp"
#include "cli/file_commands.hpp"
#include "cli/job_commands.hpp"
#include "cli/launch_commands.hpp"
#include "cli/output.hpp"
#include "cli/trash_commands.hpp"
#include "cli/usage_error.hpp"
#include "settings/masters_service.hpp"

#include <atoll/core/standard_streams.hpp>
#include <atoll/node/group_commands.hpp>
#include <atoll/node/node_command.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <signal.h>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using dfs::cli::context;

using chosen = dfs::cli::chosen_command;

void add_check(CLI::App& app, context& with, chosen& call) {
  static dfs::cli::file_check_arguments what;
  static bool names = false;
  auto* check = app.add_subcommand(
      "check",
      "Compare what the storage nodes have with what files need; exits with 1 if something "
      "isn't in order, and with 5 if something could not be checked");
  check->add_flag("--repair", what.repair,
                  "Wait until all that can be repaired is, which the cluster does unasked; exits "
                  "with 0 if nothing is left to repair");
  check->add_flag("--names", names,
                  "The masters' name spaces: each compares its inodes, entries, chunks, indexes "
                  "and counters, in a copy, while it goes on working");
  check->add_flag("--deep", what.deep,
                  "With PATH: have the storage nodes read each fragment whole, instead of only "
                  "looking for it, and compare those of a code with each other");
  dfs::cli::add_words(*check, "PATH…", what.paths,
                      "Files, and directories with all files below; default all chunks. With "
                      "--names: the masters to ask, by name; default all");
  check->callback([&] {
    if (names && what.repair)
      throw CLI::ValidationError{"--repair",
                                 "a name space can't be repaired; leave one of the two"};
    if (what.deep && (names || what.paths.empty()))
      throw CLI::ValidationError{"--deep",
                                 "it takes the PATHs of files; 'dfs scrub' reads all that is "
                                 "stored"};
    call = [&] {
      return names                ? dfs::cli::check_names(with, what.paths)
             : what.paths.empty() ? dfs::cli::check_chunks(with, what.repair)
                                  : dfs::cli::check_files(with, what);
    };
  });
}

void add_leaving(CLI::App& storage, context& with, chosen& call) {
  static dfs::cli::drain_arguments drain;
  static bool no_wait = false;
  auto* leave = storage.add_subcommand(
      "drain", "Move all that a storage node has to others, and wait until nothing is left there; "
               "meanwhile all of it can be read, and the node gets no new data");
  leave->add_option("NAME", drain.name, "As node.name in its file")->required();
  leave->add_flag("--cancel", drain.cancel, "Call a drain off: the node takes data again");
  leave->add_flag("--no-wait", no_wait, "Return at once; 'dfs status' shows how far it is");
  leave->callback([&] {
    call = [&] {
      drain.wait = !no_wait;
      return dfs::cli::drain_storage(with, drain);
    };
  });
  static std::string forgotten;
  static bool lost = false;
  auto* forget = storage.add_subcommand(
      "forget", "Take a storage node off the list for good, once nothing is left there");
  forget->add_option("NAME", forgotten, "As node.name in its file")->required();
  forget->add_flag("--lost", lost,
                   "Also if data is left there: it counts as lost, and is made anew elsewhere");
  forget->callback([&] { call = [&] { return dfs::cli::forget_storage(with, forgotten, lost); }; });
}

void add_scrub(CLI::App& app, context& with, chosen& call) {
  static dfs::cli::scrub_arguments what;
  auto* scrub = app.add_subcommand(
      "scrub", "Have the storage nodes read what they store and compare it with its checksums, "
               "and wait for it; exits with 1 if something is damaged, and with 5 if something "
               "could not be read");
  auto* now = scrub->add_flag("--now", what.unlimited,
                              "As fast as the disks allow, also beside clients, and not within "
                              "scrub.rate");
  dfs::cli::add_words(*scrub, "PATH…", what.paths,
                      "Files, and directories with all files below; default all that is stored");
  scrub->callback([&with, &call, now] {
    if (now->count() > 0 && !what.paths.empty())
      throw CLI::ExcludesError("--now", "PATH: the files are read at once");
    call = [&with] { return dfs::cli::scrub(with, what); };
  });
}

void add_cluster(CLI::App& app, context& with, chosen& call) {
  auto* status = app.add_subcommand(
      "status", "Show health, nodes, plugins in force, space and files; exits with 8 for a "
                "degraded cluster and 5 for one that refuses writes");
  status->callback([&] { call = [&] { return dfs::cli::show_status(with); }; });

  auto* admin = app.add_subcommand("admin", "Change the cluster itself");
  admin->require_subcommand(1);
  static std::string name;
  auto address = [&with] { return with.masters_address(); };
  auto json = [&with] { return with.json; };
  auto choose = [&call](std::function<atl::status()> run) {
    call = [run = std::move(run)] {
      auto outcome = run();
      return outcome ? dfs::cli::done : dfs::cli::report_error(outcome.error());
    };
  };
  auto find = [&with](const std::string& storage) { return dfs::cli::find_storage(with, storage); };
  atl::node::add_node_command(*admin, address, choose, json, find);
  atl::node::add_metrics_command(*admin, address, choose, json, find);
  auto* master = admin->add_subcommand("master", "The masters' group");
  atl::node::add_group_commands(*master, dfs::masters_service(), address, choose, json);

  static std::uint32_t collect_timeout_s = 3600;
  static bool with_trash = false;
  auto* collect = admin->add_subcommand(
      "collect", "Remove at once what no file refers to any more and no upload under way may use, "
                 "without waiting for files.grace, and wait until it is gone");
  collect->add_option("--timeout", collect_timeout_s, "Seconds to wait until it is gone")
      ->capture_default_str();
  collect->add_flag("--trash", with_trash, "Empty the trash first");
  collect->callback(
      [&] { call = [&] { return dfs::cli::collect(with, collect_timeout_s, with_trash); }; });

  static std::string backup_file;
  auto* backup = admin->add_subcommand(
      "backup", "Write the names, attributes and places of all files, as they are at the moment, "
                "into a local file, from which masters that have lost all their disks can begin "
                "again ('dfsd --restore'). The chunks stay where they are, and are not in it");
  backup->add_option("FILE", backup_file, "The new file; one that exists is replaced at the end")
      ->required();
  backup->callback([&] { call = [&] { return dfs::cli::back_up_names(with, backup_file); }; });

  auto* storage = admin->add_subcommand("storage", "The storage nodes");
  storage->require_subcommand(1);
  auto* new_disk = storage->add_subcommand(
      "replace", "Let a storage node whose disk was lost come back with an empty one. Start it on "
                 "the empty disk first; it is turned away until this is said");
  new_disk->add_option("NAME", name, "As node.name in its file")->required();
  new_disk->callback([&] { call = [&] { return dfs::cli::replace_storage(with, name); }; });
  add_leaving(*storage, with, call);

  static std::vector<std::string> changes;
  auto* set = admin->add_subcommand(
      "set", "Change settings of repairs and the like while the cluster runs, such as "
             "repair.rate=100MiB; 'KEY=' takes back what the configuration says");
  dfs::cli::add_words(*set, "KEY=VALUE…", changes, "What to change")->required();
  set->callback([&] { call = [&] { return dfs::cli::change_settings(with, changes); }; });
  static bool is_dry_run = false;
  auto* balance = admin->add_subcommand(
      "rebalance", "Say how full the storage nodes are and what is to be moved between them, and "
                   "begin at once; the cluster does so unasked when a node is much fuller than "
                   "the mean");
  balance->add_flag("--dry-run", is_dry_run, "Only say it");
  balance->callback([&] { call = [&] { return dfs::cli::rebalance(with, is_dry_run); }; });
  auto* settings = admin->add_subcommand("settings", "Show these settings");
  settings->callback([&] { call = [&] { return dfs::cli::show_settings(with); }; });
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
      "5 writes are refused or no master answers, 8 it is degraded. 'dfs job grep': 1 no line\n"
      "is found. 'dfs check', 'dfs scrub': 1 something is damaged. A job that a signal ends:\n"
      "128 + its number, 130 for Ctrl-C.");
  context with;
  app.add_option("-c,--cluster", with.cluster_file,
                 "The cluster's TOML file, or its folder; default ./cluster.toml")
      ->envname("DFS_CLUSTER");
  app.add_flag("--json", with.json, "Write JSON, where a program might read it");
  app.add_flag("-q,--quiet", with.quiet, "No progress bars");
  app.fallthrough();
  chosen call;
  dfs::cli::add_file_commands(app, with, call);
  dfs::cli::add_trash_commands(app, with, call);
  dfs::cli::add_job_commands(app, with, call);
  add_cluster(app, with, call);
  add_check(app, with, call);
  add_scrub(app, with, call);
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
