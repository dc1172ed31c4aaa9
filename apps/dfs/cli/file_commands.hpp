#pragma once

#include "cli/context.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace dfs::cli {

/// The chosen subcommand, as a function that returns the exit code.
using chosen_command = std::function<int()>;

/// The words of a command line as CLI11 parses them, the last one first. Names that CLI11 would
/// misread get a `./` in front: a name like `[a,b]`, which CLI11 reads as a list, and after a `--`
/// a name that begins with a dash (CLI11 ends a list of names at the `--`). A pattern of `job grep`
/// gets parentheses around it instead.
std::vector<std::string> words_for_parser(int argc, char** argv);

/// An argument that takes any number of words verbatim: with a vector of strings, CLI11 would parse
/// `{}` as an empty list.
CLI::Option* add_words(CLI::App& command, const std::string& name, std::vector<std::string>& words,
                       const std::string& description);

/// Adds the subcommands that store, read, list and change files. @param call is set by the chosen
/// subcommand.
void add_file_commands(CLI::App& app, context& with, chosen_command& call);

} // namespace dfs::cli
