#include <atoll/node/role.hpp>

namespace atl::node {

std::string_view to_string(role_health::state state) {
  switch (state) {
  case role_health::state::waits:
    return "waits";
  case role_health::state::serves:
    return "serves";
  case role_health::state::failed:
    return "failed";
  }
  return "unknown";
}

} // namespace atl::node
