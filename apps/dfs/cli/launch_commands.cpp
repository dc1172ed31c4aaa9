#include "cli/launch_commands.hpp"

#include "cli/commands.hpp"

#include <atoll/node/launcher_commands.hpp>

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
  atl::node::add_launch_commands(
      app, [&with] { return launch_settings_of(with); },
      [&call](std::function<atl::status()> chosen) {
        call = [chosen = std::move(chosen)] {
          auto outcome = chosen();
          return outcome ? done : report_error(outcome.error());
        };
      });
}

} // namespace dfs::cli
