#pragma once

namespace dfs {

/// The roles of a node, as `node.roles` and envelopes name them.
inline constexpr const char* master_role_name = "master";
inline constexpr const char* storage_role_name = "storage";

/// The command by which an operator administers the masters' group, for messages.
inline constexpr const char* masters_admin_command = "dfs admin master";

} // namespace dfs
