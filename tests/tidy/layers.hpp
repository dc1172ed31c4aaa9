#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Checks the rule that holds the tree together: a file includes only from its own layer and those
/// below it. Looks at every source under `framework/`, `plugins/`, `apps/` and `tests/author/`.
/// @returns a line for each include that breaks it, `file:line: what and why`; sorted.
std::vector<std::string> layer_violations(const std::filesystem::path& root);

/// How many sources `layer_violations` looks at.
std::size_t layered_files(const std::filesystem::path& root);
