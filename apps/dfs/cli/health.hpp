#pragma once

#include "cli/context.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace dfs::cli {

enum class health_state {
  healthy,
  degraded,    ///< files are read and written, and something needs an operator
  unavailable, ///< writes are refused
};

struct cluster_health {
  health_state state = health_state::healthy;
  std::vector<std::string> reasons; ///< the worst first; empty when healthy
};

/// Judges what `gather_status` has gathered.
cluster_health judge_health(const nlohmann::json& status);

/// As the status has it under `health`.
nlohmann::json to_json(const cluster_health& health);

// Of what `to_json` returned:

/// One line for people.
std::string health_line(const nlohmann::json& health);
/// What `dfs status` exits with.
exit_code health_exit_code(const nlohmann::json& health);

} // namespace dfs::cli
