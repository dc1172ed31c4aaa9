#pragma once

#include "namespace/command.hpp"

#include <atoll/core/state/row_reader.hpp>

namespace dfs::state {

/// Reads the rows that carrying out the action will look up. Has no other effect; rows that are
/// missing or malformed are left to `run`.
void touch_rows(atl::row_reader& rows, const action& action);

} // namespace dfs::state
