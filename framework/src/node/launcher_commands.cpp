#include <atoll/node/launcher_commands.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace atl::node {

namespace {

/// What the command line says.
struct folder_arguments {
  std::string folder;
  std::uint32_t timeout_s = 30;
};

using folder_command = status (*)(const launch_settings&, const std::string&, std::chrono::seconds);

void add_folder_command(CLI::App& app, const std::string& name, const std::string& meaning,
                        const std::string& timeout_meaning, folder_command run,
                        const std::function<launch_settings()>& settings,
                        const std::function<void(std::function<status()>)>& choose) {
  auto arguments = std::make_shared<folder_arguments>();
  auto* command = app.add_subcommand(name, meaning);
  command->add_option("FOLDER", arguments->folder, "The folder of the nodes' files")->required();
  command->add_option("--timeout", arguments->timeout_s, timeout_meaning)->capture_default_str();
  command->callback([=] {
    choose([=] {
      return run(settings(), arguments->folder, std::chrono::seconds{arguments->timeout_s});
    });
  });
}

} // namespace

void add_launch_commands(CLI::App& app, std::function<launch_settings()> settings,
                         std::function<void(std::function<status()>)> choose) {
  add_folder_command(app, "up",
                     "Start every node of a configs folder on this machine, and wait until the "
                     "cluster answers",
                     "Seconds to wait", up, settings, choose);
  add_folder_command(app, "down", "Stop every node of a configs folder that runs on this machine",
                     "Seconds until a node is killed", down, settings, choose);
}

} // namespace atl::node
