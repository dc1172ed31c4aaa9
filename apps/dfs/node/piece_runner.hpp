#pragma once

#include "job/job_protocol.hpp"
#include "storage/fragment_store.hpp"

#include <atoll/core/error.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace dfs {

/// Works on pieces of clients' jobs in a few threads beside the store. Thread-safe.
class piece_runner {
 public:
  /// Pieces that wait; further ones are refused with errc::busy.
  static constexpr std::size_t waiting_max = 256;
  /// Jobs whose cancellation is remembered, for pieces that come after it.
  static constexpr std::size_t cancelled_max = 1024;

  explicit piece_runner(std::shared_ptr<fragment_store> store);
  piece_runner(const piece_runner&) = delete;
  piece_runner& operator=(const piece_runner&) = delete;
  /// Ends all pieces, also those that run, with errc::unavailable.
  ~piece_runner();

  /// Receives the encoded `job::piece_result`, or: busy; refused (the job was cancelled, a line is
  /// too long, another scheme); invalid (the pattern); not_found (no such fragment here); corrupt
  /// (a damaged fragment, which is then moved aside); io; unavailable (the node stops).
  using completion = std::function<void(atl::result<std::string>)>;

  /// @param done is called once, by a thread of this object or before this returns. Must not block.
  void run(job::piece_request piece, completion done);

  /// Ends the job's pieces, and refuses those that come later. @param done is called like `run`'s,
  /// once none of them runs any more.
  void cancel(std::uint64_t job, std::function<void()> done);

  /// Pieces that run or wait.
  std::size_t under_way() const;

 private:
  struct work {
    job::piece_request piece;
    completion done;
    std::stop_source stop;
  };
  struct cancellation {
    std::uint64_t job = 0;
    std::size_t left = 0; ///< pieces that still run
    std::function<void()> done;
  };

  void serve();
  void finish(std::list<work>::iterator ended, atl::result<std::string> outcome);
  atl::result<std::string> work_on(const job::piece_request& piece, const std::stop_token& stop);

  const std::shared_ptr<fragment_store> store_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stops_ = false;
  std::list<work> waiting_;
  std::list<work> running_;
  std::deque<std::uint64_t> cancelled_; ///< the oldest first
  std::list<cancellation> cancellations_;
  std::vector<std::thread> threads_;
};

} // namespace dfs
