#pragma once

#include <atoll/core/error.hpp>
#include <atoll/node/node_files.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace atl::node {

/// The process that runs this node, if any: the one in the pid file, if it still is that node and
/// its number was not reused; otherwise a process that was started with the node's file.
std::optional<pid_t> running(const local_node& node);

/// A node that was just started, as a child of this process.
struct started_node {
  pid_t process = 0;
  std::uintmax_t log_begin = 0; ///< the size of the log when this process was started
};

/// Starts `program --config FILE`, with `more` arguments after that, as a process that outlives
/// this one. @pre the caller holds the folder's `run_lock`.
result<started_node> start(const local_node& node, const std::filesystem::path& program,
                           const std::vector<std::string>& more = {});

/// Runs `program --config FILE --check` to its end. @returns the mistakes that it reports
status check_configuration(const std::filesystem::path& config,
                           const std::filesystem::path& program);

/// How a child of this process ended: `ended with exit code 1`; none while it runs.
std::optional<std::string> end_of_child(pid_t process);

/// Asks a process to stop, and kills it after `timeout`. @returns false if it was killed.
result<bool> stop(pid_t process, std::chrono::milliseconds timeout);

/// Asks the node to stop, and kills it after `timeout`. @returns false if it wasn't running or was
/// killed.
result<bool> stop(const local_node& node, std::chrono::milliseconds timeout);

/// The last lines that a node wrote to its log from `begin` on, for an error message.
std::string log_tail(const local_node& node, std::uintmax_t begin = 0);

/// `name`, beside the program that is running.
std::filesystem::path sibling_program(const std::string& name);

} // namespace atl::node
