#include "settings/masters_service.hpp"

#include "common/role_names.hpp"
#include "settings/plugins.hpp"

namespace dfs {

atl::node::service_description masters_service() {
  return {.name = master_role_name,
          .members = "masters",
          .consensus = consensus_key,
          .cache = "names.cache",
          .plugins = {},
          .admin_command = masters_admin_command,
          .former_state = "names"};
}

} // namespace dfs
