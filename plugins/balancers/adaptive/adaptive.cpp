#include "../common/takes_requests.hpp"
#include "rewards.hpp"

#include <atoll/spi/balancer.hpp>

#include <cmath>
#include <limits>

namespace {

using namespace atl::spi;

/// A bandit with decay: the member with the highest mean reward plus a random part of its
/// uncertainty, for each request that it would have then.
class adaptive final : public balancer {
 public:
  explicit adaptive(const balancer_setup& setup)
      : exploration_{setup.options.real("exploration")},
        rewards_{static_cast<double>(setup.options.integer("memory"))}, random_{setup.seed} {}

  void update(std::span<const member> members) override {
    takes_requests_.update(members);
    rewards_.update(members);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    auto may = takes_requests_.eligible_for(request, facts);
    auto wide = exploration_ * std::sqrt(std::log(2 + rewards_.count()));
    auto best = no_slot;
    auto greatest = -std::numeric_limits<double>::infinity();
    for (slot who = 0; who < facts.available.size(); ++who) {
      if (!may(who))
        continue;
      auto uncertainty = wide / std::sqrt(1 + rewards_.count(who)) * random_.unit();
      // A member divides what it can give among its requests. Outcomes tell so too late: until they
      // come, all requests would go to the member that was the best.
      auto index = (rewards_.mean(who) + uncertainty) / (1.0 + facts.in_flight[who]);
      if (index > greatest) {
        greatest = index;
        best = who;
      }
    }
    return best;
  }

  void observe(slot who, const outcome& result, timestamp) override { rewards_.add(who, result); }

 private:
  double exploration_;
  atl::balancers::takes_requests takes_requests_;
  atl::balancers::rewards rewards_;
  random_source random_;
};

constexpr claim claims[] = {{"spread", "domains"}, {"avoids", "slow,failing"}};

constexpr option_spec declared[] = {
    {"memory", option_type::integer, "100", "20", "1000000",
     "Outcomes for each member after which an outcome counts 1/e"},
    {"exploration", option_type::real, "0.3", "0.05", "1",
     "How much the picks go to members of which little is known"},
};

} // namespace

ATOLL_PLUGIN(balancer, adaptive, 1, 0, 0){
    .summary = "A bandit: finds the fast and sound members by trial, and forgets with time",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new adaptive{setup}; },
};
