#pragma once

#include "cli/node_files.hpp"

#include <atoll/core/error.hpp>

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

/// `run` in a configs folder: the logs of the nodes that `dfs up` started, and which processes they
/// are.
namespace dfs {

/// Lets those who start or stop a folder's nodes take turns. The lock ends with the process that
/// has it, however that ends.
class run_lock {
 public:
  /// Makes the `run` folder if it is missing.
  /// @param on_wait called once, if another process has the lock
  /// @returns errc::busy when it still has it after `timeout`; errc::refused when this user may not
  /// write there.
  static atl::result<run_lock> take(const std::filesystem::path& folder,
                                    std::chrono::seconds timeout,
                                    const std::function<void()>& on_wait);

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

/// The process of which the pid file says that it is this node, whether it lives or not.
std::optional<pid_t> noted_process(const local_node& node);

/// Notes which process the node is, and with what configuration it was started.
atl::status note_process(const local_node& node, pid_t process);
/// After the node was stopped.
void forget_process(const local_node& node);

/// With what configuration the node's process was started; none when that isn't known, since
/// something else started it.
std::optional<std::vector<written_key>> started_configuration(const local_node& node,
                                                              pid_t process);

} // namespace dfs
