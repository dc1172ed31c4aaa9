#pragma once

#include <atoll/compare/workload.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/balancer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace atl::compare {

/// A balancing strategy under comparison.
struct strategy {
  std::string label;  ///< for people
  std::string plugin; ///< the plugin's name, for messages
  /// Makes a balancer that the simulation calls alone.
  std::function<result<std::shared_ptr<spi::balancer>>(std::uint64_t seed)> make;
};

/// Times that answered requests took, from arrival to answer with all retries, in microseconds; all
/// 0 if there were none.
struct latency_summary {
  double mean = 0;
  double mean_error = 0; ///< standard error of the mean, by the method of batch means
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double p999 = 0;
  double max = 0;
};

struct node_result {
  std::uint64_t id = 0;       ///< from 1, in the order of the workload's members
  std::uint64_t requests = 0; ///< that were sent there, also as a retry
  double share = 0;           ///< of all requests that were sent
  double utilisation = 0;     ///< share of its servers' time that it worked
  double mean_latency = 0;    ///< of the requests that it answered, in microseconds
  std::uint64_t failed = 0;   ///< requests that failed there or were rejected there
};

/// How many keys changed their member when members joined or left.
struct key_moves {
  double at = 0; ///< microseconds since the start
  std::uint32_t joined = 0;
  std::uint32_t left = 0;
  /// Share of the keys; none if the strategy doesn't give a key the same member twice in a row.
  std::optional<double> moved{};
  double least = 0; ///< share that must move for shares by weight
};

/// What one strategy came to. Requests of the warm-up count nowhere except for `probes` and
/// `plugin_errors`.
struct strategy_result {
  std::string label;
  latency_summary latency;
  double mean_of_nodes = 0; ///< the plain mean of `mean_latency` over nodes that answered
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;   ///< failed at the last member that they went to
  std::uint64_t rejected = 0; ///< no member might be picked
  std::uint64_t retries = 0;
  std::uint64_t probes = 0;
  std::uint64_t plugin_errors = 0;
  std::string first_error; ///< message of the first error of the plugin; empty: none
  std::vector<node_result> nodes;
  std::vector<key_moves> moves;
  std::vector<float> latencies; ///< of all answered requests in microseconds, ascending
};

/// Runs a workload through one strategy. Equal arguments give equal results; different strategies
/// with the same seed meet the same arrivals, keys, work and antagonists.
///
/// A request that fails at a member, or that the member rejects, goes to another one at once, up to
/// `tries_max` members. No time passes on the network except for probes.
///
/// Errors: the errors of the strategy's factory; internal if the balancer's `update` throws. Takes
/// memory in proportion to the number of requests. Thread-safe if the factory is.
/// @param on_progress called again and again while the simulation goes on, many times a second
///        unless the balancer takes long; may be empty
result<strategy_result> run_queueing(const workload& workload, const strategy& strategy,
                                     std::uint64_t seed,
                                     const std::function<void()>& on_progress = {});

} // namespace atl::compare
