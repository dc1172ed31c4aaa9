#include "../common/member_state.hpp"
#include "../common/takes_requests.hpp"

#include <atoll/spi/balancer.hpp>

#include <limits>

namespace {

using namespace atl::spi;

/// The member with the least score R − 1/µ + q̂³/µ: R its latency, 1/µ its service time, q̂ its
/// expected queue, whose cube keeps hosts away from long queues at fast members.
class c3 final : public balancer {
 public:
  explicit c3(const balancer_setup& setup)
      : hosts_{static_cast<double>(setup.options.integer("hosts"))},
        forget_after_{setup.options.integer("forget_after")}, random_{setup.seed} {}

  void update(std::span<const member> members) override {
    takes_requests_.update(members);
    picked_.update(members);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    auto may = takes_requests_.eligible_for(request, facts);
    auto mean = mean_latency(facts);
    auto best = no_slot;
    auto least = std::numeric_limits<double>::infinity();
    std::uint64_t equal = 0; // members with the least score so far
    for (slot who = 0; who < facts.available.size(); ++who) {
      if (!may(who))
        continue;
      auto known = facts.latency[who] > 0 && !is_forgotten(who, request.now);
      auto value = score(who, known ? double{facts.latency[who]} : mean, facts);
      if (value > least)
        continue;
      equal = value < least ? 1 : equal + 1;
      least = value;
      if (random_.below(equal) == 0)
        best = who;
    }
    if (best != no_slot)
      picked_[best] = {request.now, true};
    return best;
  }

 private:
  struct last_pick {
    timestamp when{0};
    bool known = false;
  };

  /// The measured latency of a member that got nothing for long says little about today.
  bool is_forgotten(slot who, timestamp now) const {
    return forget_after_.count() > 0 && picked_[who].known &&
           now - picked_[who].when >= forget_after_;
  }

  /// The mean of the known latencies; 1 if none is known.
  static double mean_latency(const member_facts& facts) {
    double sum = 0, count = 0;
    for (auto latency : facts.latency)
      if (latency > 0) {
        sum += latency;
        ++count;
      }
    return count > 0 ? sum / count : 1;
  }

  /// Members don't report service times: a request that shared its member with q others is taken to
  /// have waited for each of them.
  double score(slot who, double latency, const member_facts& facts) const {
    double reported = facts.reported_in_flight[who];
    auto service_time = latency / (1 + reported);
    auto queue = 1 + hosts_ * facts.in_flight[who] + reported;
    return latency - service_time + queue * queue * queue * service_time;
  }

  double hosts_;
  std::chrono::microseconds forget_after_;
  atl::balancers::takes_requests takes_requests_;
  atl::balancers::member_state<last_pick> picked_;
  random_source random_;
};

constexpr claim claims[] = {{"spread", "domains"}, {"avoids", "slow"}};

constexpr option_spec declared[] = {
    {"hosts", option_type::integer, "1", "1", "100000",
     "Hosts that send to these members: each takes its own requests in flight times this"},
    {"forget_after", option_type::duration, "10s", "0s", "24h",
     "A member without a request for so long is judged like an average one; 0s: never"},
};

} // namespace

ATOLL_PLUGIN(balancer, c3, 1, 0, 0){
    .summary = "Replica ranking of C3: latency and the cube of the expected queue",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new c3{setup}; },
};
