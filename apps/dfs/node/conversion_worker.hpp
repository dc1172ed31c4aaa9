#pragma once

#include "common/conversion_protocol.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace dfs {

/// Stores chunks by other policies for a storage node: takes orders from the leading master, reads
/// each chunk as a client of the cluster does, and stores it as an upload does. Sleeps until a
/// master has told the node that there is work. Thread-safe.
class conversion_worker {
 public:
  struct settings {
    std::string node;         ///< its name
    cluster_settings cluster; ///< with a client's timeouts, which bound how long the end may take
  };

  /// @throws std::system_error if the system starts no thread
  explicit conversion_worker(settings given);
  /// Waits until the call that is under way has ended.
  ~conversion_worker();
  conversion_worker(const conversion_worker&) = delete;
  conversion_worker& operator=(const conversion_worker&) = delete;

  /// There is work at the leading master.
  void wake();

 private:
  class converter; ///< the client of the cluster

  void run();
  bool wait_until_woken();
  /// Until the work is over, or the worker is to stop.
  void work();
  bool pause(std::chrono::milliseconds length);
  bool is_stopping();

  const settings settings_;
  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  bool is_woken_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

/// The settings of a client that a node uses for itself: it tries again later rather than for long.
cluster_settings impatient(cluster_settings cluster);

} // namespace dfs
