#include "cli/commands.hpp"
#include "cli/launch_commands.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <functional>
#include <signal.h>

namespace {

using dfs::cli::context;

/// Which subcommand was chosen, as a call that returns the exit code.
using chosen = std::function<int()>;

void add_transfers(CLI::App& app, context& with, chosen& call) {
  auto* put = app.add_subcommand("put", "Store a local file, a folder (-r) or standard input (-)");
  static dfs::cli::put_arguments puts;
  put->add_option("LOCAL", puts.local, "A local file or folder; - is standard input")->required();
  put->add_option("REMOTE", puts.remote,
                  "Where to, such as /docs/a.txt; a directory takes the name "
                  "from LOCAL")
      ->required();
  put->add_flag("-r,--recursive", puts.recursive, "A folder, with all that is in it");
  put->add_flag("-n,--no-clobber", puts.no_clobber, "Don't replace a file that exists");
  put->add_flag("-p,--parents", puts.parents, "Make missing directories");
  put->callback([&] { call = [&] { return dfs::cli::put(with, puts); }; });

  auto* get = app.add_subcommand("get", "Read a file, or a directory (-r), into a local one");
  static dfs::cli::get_arguments gets;
  get->add_option("REMOTE", gets.remote, "What to read")->required();
  get->add_option("LOCAL", gets.local, "Where to; - is standard output")->default_str(".");
  get->add_flag("-r,--recursive", gets.recursive, "A directory, with all that is in it");
  get->callback([&] { call = [&] { return dfs::cli::get(with, gets); }; });

  auto* cat = app.add_subcommand("cat", "Write a file to standard output");
  static std::string path;
  cat->add_option("REMOTE", path, "What to read")->required();
  cat->callback([&] { call = [&] { return dfs::cli::cat(with, path); }; });
}

void add_names(CLI::App& app, context& with, chosen& call) {
  static std::string path{"/"};
  static std::string target;
  static bool flag = false;
  auto* ls = app.add_subcommand("ls", "List a directory");
  ls->add_option("PATH", path, "The directory, or a file")->default_str("/");
  ls->add_flag("-l", flag, "With type, size and time");
  ls->callback([&] { call = [&] { return dfs::cli::list(with, path, flag); }; });

  auto* stat = app.add_subcommand("stat", "Show what is known of a file, and where its chunks are");
  stat->add_option("PATH", path, "A file or directory")->required();
  stat->callback([&] { call = [&] { return dfs::cli::stat(with, path); }; });

  auto* mkdir = app.add_subcommand("mkdir", "Make a directory");
  mkdir->add_option("PATH", path, "The new directory")->required();
  mkdir->add_flag("-p,--parents", flag, "Make missing parents too; it may exist already");
  mkdir->callback([&] { call = [&] { return dfs::cli::mkdir(with, path, flag); }; });

  auto* mv = app.add_subcommand("mv", "Rename; replaces a file, or an empty directory");
  mv->add_option("FROM", path, "What to rename")->required();
  mv->add_option("TO", target, "The new name, or a directory to move it into")->required();
  mv->add_flag("-n,--no-clobber", flag, "Don't replace what exists");
  mv->callback([&] { call = [&] { return dfs::cli::move(with, path, target, flag); }; });

  auto* rm = app.add_subcommand("rm", "Remove a file or a directory");
  rm->add_option("PATH", path, "What to remove")->required();
  rm->add_flag("-r,--recursive", flag, "Also a directory that isn't empty");
  rm->callback([&] { call = [&] { return dfs::cli::remove(with, path, flag); }; });
}

void add_cluster(CLI::App& app, context& with, chosen& call) {
  auto* status =
      app.add_subcommand("status", "Show nodes, health, plugins in force, space and files");
  status->callback([&] { call = [&] { return dfs::cli::show_status(with); }; });

  auto* admin = app.add_subcommand("admin", "Change the cluster itself");
  admin->require_subcommand(1);
  auto* master = admin->add_subcommand("master", "The masters' group");
  master->require_subcommand(1);
  static std::string name;
  static std::uint32_t patience_s = 600;
  auto* list = master->add_subcommand("list", "Show the group's members, and how far each is");
  list->callback([&] { call = [&] { return dfs::cli::list_masters(with); }; });
  auto* add = master->add_subcommand("add", "Let a master in: it learns everything first, then "
                                            "votes. The cluster's file must name it, with "
                                            "joins = true, and it must be running");
  add->add_option("NAME", name, "As in [[masters]]")->required();
  add->add_option("--timeout", patience_s, "Seconds to wait until it knows everything")
      ->capture_default_str();
  add->callback([&] { call = [&] { return dfs::cli::add_master(with, name, patience_s); }; });
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
}

} // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"dfs stores and reads files in a DFS cluster, and shows how the cluster is.\n\n"
               "  dfs up configs/quickstart\n"
               "  export DFS_CLUSTER=configs/quickstart\n"
               "  dfs put README.md /README.md\n"
               "  dfs status"};
  app.require_subcommand(1);
  app.set_version_flag("--version", ATOLL_VERSION);
  app.footer("Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 exists already,\n"
             "5 no node could do it in time, 6 data is damaged, 7 no space left.");
  context with;
  app.add_option("-c,--cluster", with.cluster_file,
                 "The cluster's TOML file, or its folder; default ./cluster.toml")
      ->envname("DFS_CLUSTER");
  app.add_flag("--json", with.json, "Write JSON, where a program might read it");
  app.add_flag("-q,--quiet", with.quiet, "No progress bars");
  app.fallthrough();
  chosen call;
  add_transfers(app, with, call);
  add_names(app, with, call);
  add_cluster(app, with, call);
  dfs::cli::add_launch_commands(app, with, call);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? dfs::cli::done : dfs::cli::usage;
  }
  return call();
}
