#include "cli/root_policy.hpp"

#include <chrono>
#include <thread>

namespace dfs::cli {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto root_policy_timeout = std::chrono::seconds{10};
constexpr auto poll_interval = std::chrono::milliseconds{100};

} // namespace

atl::result<responses::effective_policy> wait_for_root_policy(control& masters) {
  for (auto give_up = clock::now() + root_policy_timeout;;) {
    auto found = masters.query(queries::policy_of{});
    if (found || found.error().code != atl::errc::not_found || clock::now() >= give_up)
      return found;
    std::this_thread::sleep_for(poll_interval);
  }
}

} // namespace dfs::cli
