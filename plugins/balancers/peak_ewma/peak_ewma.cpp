#include "../common/member_state.hpp"
#include "../common/spread_balancer.hpp"
#include "../common/weighted_draw.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cmath>

namespace {

using namespace atl::spi;

/// Moving average of the time that a member's requests take. A request that takes longer than the
/// average sets the average to its own time at once; shorter ones bring it down little by little.
class peak_average {
 public:
  void add(double latency, timestamp now, double decay) {
    auto kept = part_kept(now, decay);
    average_ = latency > average_ ? latency : average_ * kept + latency * (1 - kept);
    changed_ = now;
  }

  /// Falls towards 0 while no request ends, so that a member that was slow is tried again.
  double value(timestamp now, double decay) const { return average_ * part_kept(now, decay); }

 private:
  double part_kept(timestamp now, double decay) const {
    auto passed = std::max<timestamp::rep>((now - changed_).count(), 0);
    return passed == 0 ? 1 : std::exp(-static_cast<double>(passed) / decay);
  }

  double average_ = 0; ///< microseconds; 0: not known
  timestamp changed_{0};
};

/// Draws two members, and picks the one where a request should take less time: the average of its
/// requests times those that it would then be working on.
class peak_ewma final : public atl::balancers::spread_balancer<peak_ewma> {
 public:
  explicit peak_ewma(const balancer_setup& setup)
      : decay_{static_cast<double>(setup.options.integer("decay"))}, random_{setup.seed} {}

  void update_members(std::span<const member> members) {
    members_.update(members);
    averages_.update(members);
  }

  template <class Predicate>
  slot pick_among(const pick_request& request, const member_facts& facts, Predicate&& may) {
    auto one = members_.draw(random_, may);
    if (one == no_slot)
      return no_slot;
    auto other =
        members_.draw(random_, [&](slot candidate) { return candidate != one && may(candidate); });
    if (other == no_slot)
      return one;
    return cost(other, request.now, facts) < cost(one, request.now, facts) ? other : one;
  }

  /// A request that failed soon says nothing good of the member: it can only raise the average.
  void observe(slot who, const outcome& result, timestamp now) override {
    auto latency = static_cast<double>(result.latency.count());
    auto& average = averages_[who];
    if (result.ok || latency > average.value(now, decay_))
      average.add(latency, now, decay_);
  }

 private:
  double cost(slot who, timestamp now, const member_facts& facts) const {
    // A member that has not answered anything yet gets one request, and no second one.
    constexpr double unknown = 1e15;
    auto pending = static_cast<double>(atl::balancers::requests_in_flight(facts, who));
    auto average = averages_[who].value(now, decay_);
    auto cost = average == 0 && pending > 0 ? unknown + pending : average * (pending + 1);
    return cost / members_.weight(who);
  }

  double decay_; ///< microseconds
  random_source random_;
  atl::balancers::weighted_draw members_;
  atl::balancers::member_state<peak_average> averages_;
};

constexpr claim claims[] = {{"spread", "domains"}, {"avoids", "slow"}};

constexpr option_spec declared[] = {
    {"decay", option_type::duration, "10s", "100ms", "1h",
     "The time after which an earlier latency counts 37 % of a new one; at least 100 times what a "
     "request takes"},
};

} // namespace

ATOLL_PLUGIN(balancer, peak_ewma, 1, 0, 0){
    .summary = "Of two members drawn at random, the one that should answer sooner by its latency "
               "and its requests in flight",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new peak_ewma{setup}; },
};
