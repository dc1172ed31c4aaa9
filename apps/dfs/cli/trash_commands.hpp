#pragma once

#include "cli/file_commands.hpp"

namespace dfs::cli {

/// Adds `trash` to the command line.
void add_trash_commands(CLI::App& app, context& with, chosen_command& call);

} // namespace dfs::cli
