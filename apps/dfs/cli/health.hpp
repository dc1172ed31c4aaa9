#pragma once

#include "cli/cluster_status.hpp"
#include "cli/context.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace dfs::cli {

enum class health_state {
  healthy,
  degraded,    ///< reads and writes work, but an operator must act
  unavailable, ///< writes are refused
};

struct cluster_health {
  health_state state = health_state::healthy;
  std::vector<std::string> reasons; ///< the worst first; empty when healthy
};

cluster_health judge_health(const cluster_status& status);

/// The value of `health` in the status.
nlohmann::json to_json(const cluster_health& health);

/// One line for people.
std::string health_line(const cluster_health& health);
/// The exit code of `dfs status`.
exit_code health_exit_code(const cluster_health& health);

} // namespace dfs::cli
