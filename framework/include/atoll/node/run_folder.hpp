#pragma once

#include <atoll/core/error.hpp>
#include <atoll/node/node_files.hpp>

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// `run` in a configs folder: the logs and process ids of the nodes that were started from there.
namespace atl::node {

/// A lock for commands that start or stop a folder's nodes. It is released when its process ends in
/// any way.
class run_lock {
 public:
  /// Creates the `run` folder if it is missing.
  /// @param program for messages, the one whose commands `up` and `down` take the lock: `dfs`
  /// @param on_wait called once, if another process has the lock
  /// @returns errc::busy if the other process still has the lock after `timeout`; errc::refused if
  /// this user may not write there.
  static result<run_lock> take(const std::filesystem::path& folder, const std::string& program,
                               std::chrono::seconds timeout, const std::function<void()>& on_wait);

  run_lock(run_lock&& other) noexcept : file_{std::exchange(other.file_, -1)} {}
  run_lock& operator=(run_lock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~run_lock();

 private:
  explicit run_lock(int file) : file_{file} {}

  int file_ = -1;
};

/// The process in the node's pid file, whether it is running or not.
std::optional<pid_t> noted_process(const local_node& node);

/// Stores the node's process and the configuration with which it was started.
status note_process(const local_node& node, pid_t process);
/// Forgets the process of a node. Call after the node was stopped.
void forget_process(const local_node& node);

/// The configuration with which the node's process was started; none if it was not started
/// from there.
std::optional<std::vector<written_key>> started_configuration(const local_node& node,
                                                              pid_t process);

} // namespace atl::node
