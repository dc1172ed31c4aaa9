#pragma once

#include "client/control.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace dfs::cli {

/// The cluster's status as the leading master reports it, or another master that answers, with each
/// master's relation to the group (`master_standing.hpp`) and the cluster's health (`health.hpp`).
/// @returns errc::unavailable if no master answers.
atl::result<nlohmann::json> gather_status(control& masters);

/// For people.
std::string status_text(const nlohmann::json& status);

} // namespace dfs::cli
