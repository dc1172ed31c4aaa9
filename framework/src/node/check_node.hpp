#pragma once

#include <atoll/node/application.hpp>

#include <string>

namespace atl::node {

/// Reads the file, loads the plugins and creates each once, in a child process: a plugin that
/// crashes or hangs is an error like others. Prints every value and where it comes from.
/// @returns the exit code.
int check_node(const std::string& file, const application& application);

} // namespace atl::node
