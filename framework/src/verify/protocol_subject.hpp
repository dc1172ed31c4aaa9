#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/spi/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace atl::verify {

/// @param sizes of groups; at least one
std::uint32_t nearest_to_three(const std::vector<std::uint32_t>& sizes);

/// What is tried: a plugin's protocol with its options, and what the plugin claims.
struct protocol_subject {
  sim::consensus_factory factory;
  spi::options options;
  /// How it says to bear crashes: `none`, `minority`, `all`; empty when it doesn't.
  std::string safe_with_crashes;
  std::string live_with_crashes;
  bool linearizable_reads = false;
  bool changes_members = false;
  bool blocks_on_one_failure = false;
  bool transfers_leadership = false;
  bool trusts_clocks = false; ///< with these options reads rely on clocks that don't jump

  /// Quorums have sizes of their own: the protocol isn't taken to bear crashes or changes of
  /// members.
  bool fixed_quorums = false;
  std::vector<std::uint32_t> group_sizes; ///< that the options admit; at least one
  /// Of the options that are durations; what a replica does by itself may repeat as often.
  std::chrono::microseconds shortest_duration{};
  std::vector<spi::options> at_minimum; ///< the options with one of them at its minimum, each

  bool admits(std::uint32_t replicas) const;
  /// The admitted size that is nearest to three.
  std::uint32_t usual_size() const { return nearest_to_three(group_sizes); }
  sim::simulation_options simulation(std::uint64_t seed, std::uint32_t replicas) const;
};

/// @param plugin outlives the subject.
protocol_subject make_subject(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::verify
