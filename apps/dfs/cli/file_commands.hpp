#pragma once

#include "cli/context.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace dfs::cli {

/// Which subcommand was chosen, as a call that returns the exit code.
using chosen_command = std::function<int()>;

/// The words of a command line as CLI11 parses them, the last one first. Names that CLI11 would
/// take for something else get a `./` in front: one like `[a,b]`, which it takes for a list, and
/// after a
/// `--` one that begins with a dash (CLI11 ends a list of names at the `--`).
std::vector<std::string> words_for_parser(int argc, char** argv);

/// Adds the subcommands that store, read, list and change files. @param call is set by the one
/// that is chosen.
void add_file_commands(CLI::App& app, context& with, chosen_command& call);

} // namespace dfs::cli
