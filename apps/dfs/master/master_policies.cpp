// How a master learns the policies, and defines that of the root in a new cluster.
#include "common/clock.hpp"
#include "master/master_query.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

namespace dfs {

namespace {

/// The interval between two looks at the policies. A request for a policy that isn't known yet
/// leads to a look at once.
constexpr auto look_interval = std::chrono::seconds{2};

} // namespace

void master_actor::look_after_policies() {
  auto now = std::chrono::steady_clock::now();
  if (looking_after_policies_ || (root_policy_ && now - policies_seen_ < look_interval))
    return;
  policies_seen_ = now;
  looking_after_policies_ = true;
  learn_policies([this] {
    looking_after_policies_ = false;
    learn_root_policy();
  });
}

void master_actor::learn_policies(const std::function<void()>& then) {
  query(queries::policies{last_policy_}, [this, then](atl::result<responses::policy_page> page) {
    if (!page)
      return then();
    for (auto& item : page->policies)
      learn_policy(item.id, item.policy);
    if (page->more && !page->policies.empty())
      learn_policies(then);
    else
      then();
  });
}

void master_actor::learn_policy(policy_id id, const dfs::policy& what) {
  last_policy_ = std::max(last_policy_, id);
  if (policies_.contains(id))
    return;
  auto plugins = settings_.load_plugins(id, what);
  if (!plugins) {
    policy_problems_[id] = plugins.error().message;
    atl::log::error("master", "", "policy {} can't be used here: {}", id, plugins.error().message);
    return;
  }
  auto for_keeper = settings_.load_plugins(id, what); // with a balancer of its own
  if (for_keeper)
    keeper_.on_policy(id, what, std::move(*for_keeper), std::chrono::steady_clock::now());
  policies_[id] = what;
  placement_.add_policy(id, std::move(*plugins), registry_, std::chrono::steady_clock::now());
}

void master_actor::learn_root_policy() {
  query(queries::policy_of{}, [this](atl::result<responses::effective_policy> found) {
    if (found) {
      auto is_first = !root_policy_;
      root_policy_ = std::move(*found);
      if (is_first && leads())
        register_unknown();
    } else if (found.error().code == atl::errc::not_found && leads()) {
      define_root_policy();
    }
  });
}

/// The configuration is the policy of the root at birth. Another master may do the same: equal
/// policies have one id, and only the first one is set.
void master_actor::define_root_policy() {
  submit(commands::define_policy{settings_.root_policy}, [this](const std::string& bytes) {
    auto defined = decode_response<responses::defined>(bytes);
    if (!defined)
      return atl::log::error("master", "", "the policy of the root can't be defined: {}",
                             defined.error().message);
    learn_policy(defined->id, settings_.root_policy);
    submit(commands::set_policy{{}, defined->id, true}, [this](const std::string& answer) {
      if (auto set = decode_response<responses::changed>(answer); !set)
        return atl::log::error("master", "", "the policy of the root can't be set: {}",
                               set.error().message);
      learn_root_policy();
    });
  });
}

std::string master_actor::recovery_name(policy_id policy) const {
  auto known = policies_.find(policy);
  return known == policies_.end() ? std::string{} : known->second.recovery;
}

} // namespace dfs
