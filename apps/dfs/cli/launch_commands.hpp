#pragma once

#include "cli/context.hpp"

#include <CLI/CLI.hpp>

#include <functional>

namespace dfs::cli {

/// The subcommands `init`, `up` and `down`. @param call gets the one that was chosen
void add_launch_commands(CLI::App& app, context& with, std::function<int()>& call);

} // namespace dfs::cli
