#pragma once

#include "common/chunk_id.hpp"

#include <atoll/keep/keeper_effects.hpp>

#include <functional>
#include <string>

namespace dfs {

/// Logs what a keeper has done or found: a line for each fragment that was mended.
void log_notice(const atl::keep::notice& what, const chunk_id& chunk,
                const std::function<std::string(atl::keep::node_id)>& name_of);

} // namespace dfs
