#pragma once

#include "client/control.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace dfs::cli {

/// What the leading master says of the cluster, or any other that answers, with how each master
/// stands to the group (`master_standing.hpp`) and the cluster's health (`health.hpp`).
/// @returns errc::unavailable when none does.
atl::result<nlohmann::json> gather_status(control& masters);

/// For people.
std::string status_text(const nlohmann::json& status);

} // namespace dfs::cli
