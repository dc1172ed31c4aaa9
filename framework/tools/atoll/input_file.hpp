#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>
#include <string>

/// All bytes of a file that a command line names: a regular one, or a pipe. The error names the
/// file and says why it can't be read.
atl::result<std::string> read_input(const std::filesystem::path& file);
