#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

/// Requests that come at times of their own, whatever became of the earlier ones (an open loop with
/// Poisson arrivals). Clients that wait for an answer before they ask again would send less while
/// a server stalls, and so hide the stall.
struct load_plan {
  double per_second = 800;
  std::chrono::microseconds warm_up{500'000}; ///< requests that aren't counted
  std::chrono::microseconds measured{4'000'000};
  /// After the last request: what isn't answered by then counts as an error.
  std::chrono::microseconds drain{5'000'000};
  std::uint64_t seed = 1;
};

/// What is done to a server at a time after the first request that counts.
struct timed_action {
  std::chrono::microseconds at{0};
  std::function<void()> run;
};

struct load_outcome {
  /// From the time at which a request was to be sent until it was answered or failed; ascending.
  std::vector<double> latencies_ms;
  std::size_t errors = 0;

  double percentile(double part) const;
};

/// Sends the plan's requests to a port of 127.0.0.1, and waits for the answers.
load_outcome run_open_load(std::uint16_t port, const load_plan& plan,
                           const std::vector<timed_action>& actions);
