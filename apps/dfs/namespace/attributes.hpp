#pragma once

#include "namespace/records.hpp"

namespace dfs::state {

/// Clears set-user-id, and set-group-id where the group may execute, as a write by a user without
/// privileges does.
void drop_privileges(inode& of);

} // namespace dfs::state
