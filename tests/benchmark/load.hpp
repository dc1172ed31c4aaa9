#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

/// Clients that each wait for an answer before they ask again.
struct load_result {
  double per_second = 0;
  double median_us = 0;
  double p99_us = 0;
  double processor_us = 0; ///< of the servers, for each operation
  int failed = 0;
};

/// Starts one operation of a client, and calls `done` when it was answered, from any thread.
using operation = std::function<void(int client, std::function<void(bool ok)> done)>;

/// Runs `clients` of them for `time`, after a tenth of it to warm up. Returns when all is answered.
/// @param processor_seconds of the servers, so far
/// Throws if no operation succeeded.
load_result run_load(int clients, std::chrono::milliseconds time, const operation& start,
                     const std::function<double()>& processor_seconds);

/// The same until it is stopped, noting when each answer came.
class steady_load {
 public:
  steady_load(int clients, operation start);
  ~steady_load();
  using clock = std::chrono::steady_clock;
  /// The longest time without a good answer since `from`, once one came after `to`; waits for it.
  std::chrono::microseconds longest_gap(clock::time_point from, clock::time_point to);

 private:
  struct state;
  std::shared_ptr<state> state_;
};
