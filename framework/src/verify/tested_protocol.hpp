#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/spi/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace atl::verify {

/// @param sizes group sizes; at least one
std::uint32_t size_closest_to_three(const std::vector<std::uint32_t>& sizes);

/// The protocol under test: a plugin's factory, its options, and its claims.
struct tested_protocol {
  sim::consensus_factory factory;
  spi::options options;
  /// The claim about crashes: `none`, `minority`, `all`; empty: no claim.
  std::string safe_with_crashes;
  std::string live_with_crashes;
  bool linearizable_reads = false;
  bool changes_members = false;
  bool blocks_on_one_failure = false;
  bool transfers_leadership = false;
  bool rebuilds_state = false;
  bool trusts_clocks = false; ///< with these options reads rely on clocks that do not jump

  /// The options set quorum sizes: crashes and membership changes are not tested then.
  bool fixed_quorums = false;
  std::vector<std::uint32_t> group_sizes; ///< sizes that the options admit; at least one
  /// The shortest of the options that are durations: the interval at which a replica may act
  /// without input.
  std::chrono::microseconds shortest_duration{};
  /// Variants of the options, each with one option at its minimum.
  std::vector<spi::options> at_minimum;

  bool admits(std::uint32_t replicas) const;
  /// The admitted group size nearest to three.
  std::uint32_t usual_size() const { return size_closest_to_three(group_sizes); }
  sim::simulation_options simulation(std::uint64_t seed, std::uint32_t replicas) const;
};

/// @param plugin must outlive the result.
tested_protocol make_tested_protocol(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::verify
