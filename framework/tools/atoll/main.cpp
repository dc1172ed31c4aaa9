// The program `atoll`, for authors of plugins and for operators. Each command has its own file.
#include "atoll_commands.hpp"

#include <atoll/core/standard_streams.hpp>

#include <exception>
#include <iostream>

namespace {

int run(int argc, char** argv) {
  CLI::App app{
      "Atoll: looks into plugins, proves protocols and compares balancers before they are deployed",
      "atoll"};
  app.require_subcommand(1);
  app.set_version_flag("--version", ATOLL_VERSION);
  app.footer(exit_code_help); // before the commands are added, which inherit it
  int code = exit_ok;
  add_new_command(app, code);
  add_plugin_command(app, code);
  add_simulate_command(app, code);
  add_verify_command(app, code);
  add_history_command(app, code);
  add_compare_command(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    return app.exit(stop) == 0 ? exit_ok : exit_usage;
  }
  std::cout.flush();
  if (std::cout)
    return code;
  std::cerr << "atoll: writing standard output failed\n";
  return exit_usage;
}

} // namespace

int main(int argc, char** argv) {
  atl::open_standard_streams();
  try {
    return run(argc, argv);
  } catch (const std::exception& problem) {
    std::cerr << "atoll: " << problem.what() << '\n';
  } catch (...) {
    std::cerr << "atoll: something that is no std::exception was thrown\n";
  }
  return exit_usage;
}
