#pragma once

#include "client/control.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace dfs::cli {

/// What a master says of itself, asked directly; the error says why it doesn't answer.
atl::result<nlohmann::json> ask_master(control& masters, const cluster_settings& cluster,
                                       const std::string& name);

/// Gives the data folder of a master that belongs to no group its id in the group, for good.
/// Repeating it is safe.
/// @param id the wanted one; 0: the next that was never given
/// @returns the id; errc::refused when the id stands for another data folder.
atl::result<atl::spi::replica_id> admit(control& masters, const cluster_settings& cluster,
                                        const std::string& name, atl::spi::replica_id id);

} // namespace dfs::cli
