#pragma once

#include <atoll/node/service_description.hpp>

namespace dfs {

/// The masters' group, as a replicated service.
atl::node::service_description masters_service();

} // namespace dfs
