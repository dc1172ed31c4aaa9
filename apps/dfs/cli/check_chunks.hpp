#pragma once

#include "client/control.hpp"

#include <atoll/core/error.hpp>

namespace dfs::cli {

/// Lets the masters compare what all storage nodes have with what files need, and waits until what
/// can be repaired is. Errors: refused if chunks can't be judged.
atl::status wait_for_repairs(control& masters, bool shows_progress);

} // namespace dfs::cli
