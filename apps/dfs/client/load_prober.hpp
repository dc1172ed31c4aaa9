#pragma once

#include "bulk/bulk_options.hpp"
#include "bulk/connection.hpp"
#include "bulk/io_loop.hpp"
#include "common/types.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace dfs {

/// Probes storage nodes on a thread of its own, one after the other, so that no read waits for a
/// probe. Thread-safe.
class load_prober {
 public:
  using result_handler = std::function<void(storage_id node, const node_load& load)>;

  /// @param on_result called by the prober's thread for each probe that was answered
  explicit load_prober(result_handler on_result);
  /// Gives up the probe under way, and waits for the thread.
  ~load_prober();

  /// Probes the node soon. A probe is dropped while too many wait: its answer would come too late.
  void request(storage_id node, const atl::endpoint& at, const bulk_options& options);

 private:
  struct probe {
    storage_id node = no_storage;
    atl::endpoint at;
    bulk_options options;
  };

  void run();
  void send(const probe& it);

  result_handler on_result_;
  io_loop loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<probe> waiting_;
  bool stopped_ = false;
  std::map<storage_id, std::unique_ptr<bulk_connection>> connections_; ///< the thread's own
  std::thread thread_; ///< the last member: it uses the others
};

} // namespace dfs
