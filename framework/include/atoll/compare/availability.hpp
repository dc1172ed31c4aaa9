#pragma once

#include <atoll/core/error.hpp>
#include <atoll/sim/simulation.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace atl::compare {

// The probability that a write succeeds in a group of n replicas, of which each is down with
// probability `down`, independently of the others.

/// If it needs all replicas: (1-p)^n.
double write_all_availability(std::uint32_t replicas, double down);
/// If it needs more than half of them: the tail of the binomial distribution.
double majority_availability(std::uint32_t replicas, double down);
/// The mean of (n-f)/n over the number f of replicas that are down: the share of the replicas that
/// are up, which is often taken for the availability of the group.
inline double naive_availability(double down) {
  return 1 - down;
}

/// Probability that exactly `failed` replicas are down.
double down_probability(std::uint32_t replicas, std::uint32_t failed, double down);

/// What a protocol did with `down` replicas stopped.
struct commits_with_down {
  std::uint32_t down = 0;
  std::uint64_t tried = 0;     ///< sets of replicas that were stopped
  std::uint64_t committed = 0; ///< of these, sets with which a write was answered
  bool all_tried = true;       ///< false: the sets are a sample
};

struct measured_availability {
  std::string protocol;
  std::uint32_t replicas = 0;
  std::vector<commits_with_down> by_down; ///< for 0 to `replicas` down

  /// The probability of success that follows, with each replica down with probability `down`.
  double probability(double down) const;
};

/// The largest group that is measured.
inline constexpr std::uint32_t measured_replicas_max = 9;

/// Runs the plugin in the protocol simulator: for each set of replicas, or for a sample where there
/// are many, founds a group, commits a write, stops the set, and tries to write at all the others
/// for twenty seconds of simulated time. Deterministic.
///
/// Errors: internal if a group with all replicas up commits nothing, or the protocol breaks what
/// the simulator checks; exceptions of the factory are passed on.
/// @param replicas 1 to `measured_replicas_max`
result<measured_availability> measure_availability(const std::string& protocol,
                                                   const sim::consensus_factory& factory,
                                                   const spi::options& options,
                                                   std::uint32_t replicas, std::uint64_t seed);

} // namespace atl::compare
