#pragma once

#include "client/control.hpp"
#include "common/policy.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

namespace dfs::cli {

/// Can the storage nodes that take data have the fragments of a chunk, one on each, and can the
/// fragments be spread over their zones so that the loss of a zone loses no data? Nodes that are
/// down count, and those that are drained or lost don't. Errors: refused, with values of the
/// plugin's options that would do.
atl::status check_room(control& masters, const cluster_settings& settings, const policy& wanted);

} // namespace dfs::cli
