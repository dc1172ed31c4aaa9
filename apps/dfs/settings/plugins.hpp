#pragma once

#include "common/master_protocol.hpp"

#include <atoll/node/plugin_host.hpp>

#include <vector>

namespace dfs {

// The keys that choose plugins.
inline constexpr const char* consensus_key = "consensus.plugin";
inline constexpr const char* placement_key = "placement.balancer";
inline constexpr const char* reads_key = "reads.balancer";
inline constexpr const char* recovery_key = "recovery.plugin";

/// Where DFS chooses plugins.
const std::vector<atl::node::plugin_section>& plugin_sections();

/// What the masters tell clients about a plugin.
protocol::plugin_choice choice_of(const atl::node::chosen_plugin& plugin);

} // namespace dfs
