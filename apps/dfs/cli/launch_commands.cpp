#include "cli/launch_commands.hpp"

#include "cli/commands.hpp"

namespace dfs::cli {

namespace {

void add_init(CLI::App& app, context& with, std::function<int()>& call) {
  static init_arguments what;
  auto* init = app.add_subcommand("init", "Write the files of a new cluster on this machine into "
                                          "an empty folder, with free ports");
  init->add_option("FOLDER", what.folder, "Made, if it doesn't exist")->required();
  init->add_option("--name", what.name, "The cluster's name; default that of the folder");
  init->add_option("--masters", what.masters,
                   "How many masters agree on the name space; 3 bear "
                   "the loss of one, 5 of two")
      ->capture_default_str();
  init->add_option("--storages", what.storages, "How many storage nodes hold the data")
      ->capture_default_str();
  init->add_option("--copies", what.copies,
                   "On how many of them each chunk is; default 3, or as many as there are");
  init->add_option("--consensus", what.consensus,
                   "How the masters agree: raft, paxos, two_phase_commit; default\n"
                   "two_phase_commit for one master, raft for more");
  init->callback([&] { call = [&] { return dfs::cli::init(with, what); }; });
}

} // namespace

void add_launch_commands(CLI::App& app, context& with, std::function<int()>& call) {
  add_init(app, with, call);
  static std::string folder;
  static std::uint32_t timeout_s = 30;
  auto* up = app.add_subcommand("up", "Start every node of a configs folder on this machine, and "
                                      "wait until the cluster answers");
  up->add_option("FOLDER", folder, "Such as configs/quickstart")->required();
  up->add_option("--timeout", timeout_s, "Seconds to wait")->capture_default_str();
  up->callback([&] { call = [&] { return dfs::cli::up(with, folder, timeout_s); }; });

  auto* down = app.add_subcommand("down", "Stop every node of a configs folder that runs on this "
                                          "machine");
  down->add_option("FOLDER", folder, "The same folder")->required();
  down->add_option("--timeout", timeout_s, "Seconds until a node is killed")->capture_default_str();
  down->callback([&] { call = [&] { return dfs::cli::down(with, folder, timeout_s); }; });
}

} // namespace dfs::cli
