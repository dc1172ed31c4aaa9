#pragma once

#include "cli/file_commands.hpp"

namespace dfs::cli {

/// Adds `job` and its subcommands. @param call is set by the chosen subcommand.
void add_job_commands(CLI::App& app, context& with, chosen_command& call);

} // namespace dfs::cli
