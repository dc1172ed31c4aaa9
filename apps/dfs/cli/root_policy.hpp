#pragma once

#include "client/control.hpp"

#include <atoll/core/error.hpp>

namespace dfs::cli {

/// The policy of the root. A cluster that was just founded has none until its first leader defines
/// it: waits some seconds for that.
atl::result<responses::effective_policy> wait_for_root_policy(control& masters);

} // namespace dfs::cli
