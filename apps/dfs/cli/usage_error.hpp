#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace dfs::cli {

/// Describes a mistake in a command line in one line: names an unknown word, and the known word
/// that was probably meant.
std::string explain(const CLI::App& app, const CLI::ParseError& problem);

} // namespace dfs::cli
