#pragma once

#include <atoll/compare/queueing.hpp>

#include <cstdint>
#include <vector>

namespace atl::compare {

/// Counts what becomes of requests after the warm-up.
class run_statistics {
 public:
  explicit run_statistics(const workload& workload);

  /// Whether a request is counted, by its number.
  bool counts(std::uint64_t number) const { return number >= warm_; }
  std::uint64_t first_counted() const { return warm_; }

  void on_sent(std::uint32_t member) { ++nodes_[member].requests; }
  void on_failed_at(std::uint32_t member) { ++nodes_[member].failed; }
  void on_retry() { ++result_.retries; }
  void on_answered(std::uint32_t member, double latency);
  void on_failed() { ++result_.failed; }
  void on_rejected() { ++result_.rejected; }

  // The time between the arrivals of the first and of the last counted request, in which
  // utilisation is measured; with each member's work until then.
  void begin_window(double at, const std::vector<double>& busy);
  void end_window(double at, const std::vector<double>& busy);

  strategy_result finish();

 private:
  double present(const member_model& member) const; ///< its time as a member in the window

  const workload& workload_;
  std::uint64_t warm_;
  double from_ = 0;
  double to_ = 0;
  std::vector<double> busy_; ///< by member, in the window
  std::vector<double> latency_sums_;
  std::vector<std::uint64_t> answered_;
  std::vector<node_result> nodes_;
  strategy_result result_;
};

/// @param latencies in the order in which they were measured; sorted afterwards
latency_summary summarize(std::vector<float>& latencies);

/// The smallest value that a share `rank` of the values doesn't exceed. @pre sorted, not empty
double percentile(const std::vector<float>& sorted, double rank);

} // namespace atl::compare
