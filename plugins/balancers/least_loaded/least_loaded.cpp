#include "../common/domains.hpp"
#include "../common/weighted_draw.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

namespace {

using namespace atl::spi;

/// Picks the member with the fewest requests in flight for its weight; of equal ones one at random,
/// with probabilities in proportion to their weights.
class least_loaded final : public balancer {
 public:
  explicit least_loaded(const balancer_setup& setup) : random_{setup.seed} {}

  void update(std::span<const member> members) override {
    members_.update(members);
    domains_.update(members);
    divisors_.clear();
    for (slot who = 0; who < members.size(); ++who)
      divisors_.push_back(static_cast<float>(members_.weight(who)));
    loads_.resize(members.size());
    open_loads_.resize(members.size());
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    measure(request, facts);
    return draw_least(loads_);
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    measure(request, facts);
    open_loads_ = loads_;
    std::size_t filled = 0;
    auto any_closed = false; // domains whose members are left out for now
    while (filled < picks.size()) {
      auto who = draw_least(open_loads_);
      if (who == no_slot && !any_closed)
        break;
      if (who == no_slot) {
        open_loads_ = loads_;
        any_closed = false;
        continue;
      }
      picks[filled++] = who;
      loads_[who] = none;
      for (auto other : domains_.members(domains_.of(who)))
        open_loads_[other] = none;
      any_closed = true;
    }
    return filled;
  }

 private:
  /// A load as the bits of a float, which are in the order of the numbers, because compilers find
  /// the least of many whole numbers several at a time.
  using load = std::int32_t;
  static constexpr load none = std::numeric_limits<load>::max(); ///< not to be picked

  void measure(const pick_request& request, const member_facts& facts) {
    auto* available = facts.available.data();
    auto* own = facts.in_flight.data();
    auto* reported = facts.reported_in_flight.data();
    auto* divisors = divisors_.data();
    auto* loads = loads_.data();
    for (std::size_t i = 0; i < loads_.size(); ++i) {
      auto requests = static_cast<float>(static_cast<std::int32_t>(std::max(own[i], reported[i])));
      auto measured = std::bit_cast<load>(requests / divisors[i]);
      loads[i] = available[i] != 0 && divisors[i] > 0 ? measured : none;
    }
    for (auto who : request.tried)
      if (who < loads_.size())
        loads_[who] = none;
  }

  slot draw_least(const std::vector<load>& loads) {
    auto least = none;
    for (auto each : loads)
      least = std::min(least, each);
    if (least == none)
      return no_slot;
    std::size_t ties = 0;
    for (auto each : loads)
      ties += each == least;
    constexpr std::size_t many = 8; // one of so many: a few draws find a tie
    if (ties * many >= loads.size())
      return members_.draw(random_, [&](slot who) { return loads[who] == least; });
    auto chosen = no_slot;
    double sum = 0;
    for (slot who = 0; who < loads.size() && ties > 0; ++who) {
      if (loads[who] != least)
        continue;
      --ties;
      sum += members_.weight(who);
      if (chosen == no_slot || random_.unit() * sum < members_.weight(who))
        chosen = who;
    }
    return chosen;
  }

  random_source random_;
  atl::balancers::weighted_draw members_;
  atl::balancers::domain_table domains_;
  std::vector<float> divisors_;
  std::vector<load> loads_;      ///< of all members that this call may still pick
  std::vector<load> open_loads_; ///< of those in domains that may be picked now
};

constexpr claim claims[] = {{"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, least_loaded, 1, 0, 0){
    .summary = "The member with the fewest requests in flight for its weight",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup& setup) -> balancer* { return new least_loaded{setup}; },
};
