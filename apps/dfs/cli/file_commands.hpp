#pragma once

#include "cli/context.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace dfs::cli {

/// Which subcommand was chosen, as a call that returns the exit code.
using chosen_command = std::function<int()>;

/// The words of a command line as CLI11 parses them, the last one first. CLI11 takes `[a,b]` for a
/// list where several words may stand; a file of such a name is called `./[a,b]` instead.
std::vector<std::string> words_for_parser(int argc, char** argv);

/// Adds the subcommands that store, read, list and change files. @param call is set by the one
/// that is chosen.
void add_file_commands(CLI::App& app, context& with, chosen_command& call);

} // namespace dfs::cli
