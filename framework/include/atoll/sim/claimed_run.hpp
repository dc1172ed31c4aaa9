#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace atl::sim {

/// Whether the plugin claims `quorum_options` and one of these options is not at its default: a
/// quorum may need every voter then.
bool has_fixed_quorums(const spi::descriptor& plugin, const spi::options& options);

/// Restricts a run to what the plugin claims to tolerate with `run.protocol_options`: clock faults,
/// and lost members and disks.
void keep_to_claims(simulation_options& run, const spi::descriptor& plugin);

/// Largest size of a simulated group.
inline constexpr std::uint32_t group_size_max = 9;

struct group_sizes {
  std::vector<std::uint32_t> admitted; ///< ascending
  std::string refusal; ///< the plugin's reason for refusing the last size that it refused
};

/// Group sizes, from one to `group_size_max`, that the plugin's factory accepts with these options.
/// A size is refused when the factory throws `std::invalid_argument` or creates nothing; other
/// exceptions are passed on.
group_sizes admitted_group_sizes(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::sim
