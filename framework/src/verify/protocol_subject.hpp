#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <string>

namespace atl::verify {

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
  bool tell_losses = true;    ///< false for plugins of interface 1.0
  bool trusts_clocks = false; ///< with these options reads rely on clocks that don't jump

  sim::simulation_options simulation(std::uint64_t seed, std::uint32_t replicas) const;
};

/// @param plugin outlives the subject.
protocol_subject make_subject(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::verify
