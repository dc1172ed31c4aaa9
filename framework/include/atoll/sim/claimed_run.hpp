#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace atl::sim {

/// Whether the plugin claims `quorum_options`, and one of these options isn't at its default: then
/// a quorum may need every voter.
bool has_fixed_quorums(const spi::descriptor& plugin, const spi::options& options);

/// Keeps a run to what the plugin claims to bear with `run.protocol_options`: clocks, and how
/// members and disks may be lost.
void keep_to_claims(simulation_options& run, const spi::descriptor& plugin);

/// Replicas that a simulated group may have.
inline constexpr std::uint32_t group_size_max = 9;

struct group_sizes {
  std::vector<std::uint32_t> admitted; ///< ascending
  std::string refusal;                 ///< what the plugin says of a size that isn't
};

/// Sizes, from one to `group_size_max`, of groups that the plugin's factory makes with the options.
/// A size counts as refused when the factory throws `std::invalid_argument`; whatever else it
/// throws is passed on. A factory that creates nothing refuses every size.
group_sizes admitted_group_sizes(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::sim
