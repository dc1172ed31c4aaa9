#pragma once

#include "client/control.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/sim/history.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

/// Clients that write and read small files in the name space, each a register, and record the
/// responses with their times, so that the history under faults can be checked.
class recorded_load {
 public:
  /// @param first_key the first key to use; a key that was used before is not an empty register
  recorded_load(const dfs::cluster_settings& cluster, int clients, int keys = 3,
                std::uint64_t first_key = 0);
  ~recorded_load();

  std::uint64_t writes() const { return writes_; } ///< acknowledged so far
  std::uint64_t reads() const { return reads_; }
  /// Waits for so many more acknowledgements.
  void some_more_writes(std::uint64_t count = 5);
  void some_more_reads(std::uint64_t count = 5);
  /// The longest time without an acknowledged write so far.
  std::chrono::milliseconds longest_pause() const;
  /// The time since this load began, as in its history.
  std::chrono::microseconds now() const;
  /// The time from each of these moments to the acknowledgement of the first write that began then
  /// or later; moments after the last write have none.
  std::vector<std::chrono::milliseconds>
  waits_for_a_write(const std::vector<std::chrono::microseconds>& moments) const;

  void stop();
  /// Stops, and checks that the history of each key is linearizable.
  void must_be_linearizable();
  /// Stops, and checks that no operation failed or was left without an answer.
  void must_all_be_answered();
  atl::sim::history take();

 private:
  void run(int client);
  void note(atl::sim::operation it);
  void note_problem(const atl::error& problem);

  dfs::cluster_settings cluster_;
  int keys_;
  std::uint64_t first_key_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> writes_{0};
  std::atomic<std::uint64_t> reads_{0};
  std::atomic<std::int64_t> values_{0};
  mutable std::mutex mutex_;
  atl::sim::history history_;
  std::map<std::string, int> problems_; ///< how often each error was the answer
  std::int64_t last_write_ = 0;
  std::int64_t longest_pause_ = 0;
  std::vector<std::thread> threads_;
};
