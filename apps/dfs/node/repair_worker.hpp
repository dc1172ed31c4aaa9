#pragma once

#include "bulk/bulk_options.hpp"
#include "common/repair_protocol.hpp"
#include "node/repair_run.hpp"

#include <atoll/net/coroutine_group.hpp>
#include <atoll/net/io_thread.hpp>
#include <atoll/net/worker_pool.hpp>

#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>

namespace dfs {

/// Carries out the tasks that masters give a storage node: some at once, in one I/O thread and the
/// threads that wait for the disk, and the others after them. Thread-safe.
class repair_worker {
 public:
  struct settings {
    std::shared_ptr<fragment_store> store;
    scheme_finder find_scheme;
    /// The options of a connection to another node. Called for each task, by the worker's thread.
    std::function<bulk_options()> reading;
    /// How a source that doesn't answer is read again.
    atl::spi::transfer_policy transfers{};
    std::size_t at_once = 4;
    std::size_t waiting_max = 1024;
  };

  /// Gets the result. Called once by the worker's thread, unless the task is dropped; must not
  /// block.
  using completion = std::function<void(protocol::task_result)>;

  /// @throws std::system_error if the system starts no thread
  explicit repair_worker(settings given);
  /// Ends all tasks, also those that run. A task that is ended has no result and leaves nothing
  /// behind, except that its fragment may be complete.
  ~repair_worker();
  repair_worker(const repair_worker&) = delete;
  repair_worker& operator=(const repair_worker&) = delete;

  /// A task with the id and term of one that waits or runs is the same one, and is dropped. One
  /// too many is refused.
  void run(std::uint64_t term, protocol::repair_task task, completion done);
  /// Drops the waiting tasks of terms before this one. Those that run go on.
  void drop_before(std::uint64_t term);

  /// Tasks that wait or run.
  std::size_t under_way() const { return under_way_; }
  /// Of all tasks since the worker began.
  const repair_counters& counters() const { return counters_; }

 private:
  struct job {
    std::uint64_t term = 0;
    protocol::repair_task task;
    completion done;
    std::unique_ptr<repair_run> run{}; ///< once it runs
  };

  void add(job added);
  void start_next();
  boost::asio::awaitable<void> carry_out(std::list<job>::iterator place);

  const settings settings_;
  std::atomic<std::size_t> under_way_ = 0;
  repair_counters counters_;
  // The I/O thread's own:
  bool is_stopping_ = false;
  std::deque<job> waiting_;
  std::list<job> running_;

  atl::net::worker_pool disk_;
  atl::net::coroutine_group carrying_{"repair"};
  atl::net::io_thread io_{"repair"};
};

} // namespace dfs
