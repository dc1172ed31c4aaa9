#pragma once

#include <atoll/core/error.hpp>
#include <atoll/node/launcher.hpp>

#include <functional>

namespace CLI {
class App;
}

namespace atl::node {

/// Adds the subcommands `up FOLDER` and `down FOLDER` to an application's command line.
/// @param settings is called when one of them runs
/// @param choose gets what the chosen one does, once the command line was read
void add_launch_commands(CLI::App& app, std::function<launch_settings()> settings,
                         std::function<void(std::function<status()>)> choose);

} // namespace atl::node
