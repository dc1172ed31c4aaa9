#pragma once

#include <atoll/core/error.hpp>

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dfs {

/// One node of a configs folder, as a process of this machine.
struct local_node {
  std::string name;
  bool is_storage = false;
  std::filesystem::path config; ///< absolute
  std::filesystem::path log;    ///< what it writes to standard error
  std::filesystem::path pid_file;
};

/// Every file in `folder` that describes a node, in the order of the file names.
/// @returns errc::not_found when there is none, errc::invalid with all that is wrong with them.
atl::result<std::vector<local_node>> nodes_in(const std::filesystem::path& folder);

/// The process that runs this node, if there is one: what the pid file names, provided that it
/// still is that node and not something else that got its number.
std::optional<pid_t> running(const local_node& node);

/// Starts `program --config …` as a process of its own, which outlives this one.
atl::result<pid_t> start(const local_node& node, const std::filesystem::path& program);

/// Asks the node to stop; kills it when it hasn't after `patience`.
/// @returns false when it wasn't running, or had to be killed.
atl::result<bool> stop(const local_node& node, std::chrono::milliseconds patience);

/// The last lines of a node's log, for an error message.
std::string last_words(const local_node& node);

/// `name`, beside the program that is running.
std::filesystem::path sibling_program(const std::string& name);

} // namespace dfs
