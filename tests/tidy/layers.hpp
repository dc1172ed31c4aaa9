#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Checks the layers of the tree: a file includes only from its own layer and the layers
/// below. Reads every source under `framework/`, `plugins/`, `apps/` and `tests/author/`.
/// @returns a sorted line for each violation: `file:line: include and reason`
std::vector<std::string> layer_violations(const std::filesystem::path& root);

/// The number of sources that `layer_violations` reads.
std::size_t layered_files(const std::filesystem::path& root);
