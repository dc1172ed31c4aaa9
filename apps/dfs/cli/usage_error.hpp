#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace dfs::cli {

/// One line on what is wrong with a command line: a word that is unknown is named, with the known
/// one that it is probably a slip of.
std::string explain(const CLI::App& app, const CLI::ParseError& problem);

} // namespace dfs::cli
