#pragma once

#include "client/control.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace dfs::cli {

/// A master's own status, requested directly; the error says why the master doesn't answer.
atl::result<nlohmann::json> ask_master(control& masters, const cluster_settings& cluster,
                                       const std::string& name);

/// Admits the data folder of a master without a group under a permanent id. May be repeated.
/// @param id the requested id; 0: the next unused id
/// @returns the id; errc::refused if the id belongs to another data folder.
atl::result<atl::spi::replica_id> admit(control& masters, const cluster_settings& cluster,
                                        const std::string& name, atl::spi::replica_id id);

} // namespace dfs::cli
