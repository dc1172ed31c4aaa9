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
    weightless_.clear();
    for (slot who = 0; who < members.size(); ++who) {
      auto weight = static_cast<float>(members_.weight(who));
      divisors_.push_back(weight > 0 ? weight : 1);
      weightless_.push_back(weight > 0 ? 0 : none);
    }
    loads_.resize(members.size());
    open_loads_.resize(members.size());
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    auto least = measure(request, facts);
    return draw_least(loads_, least);
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    auto least_left = measure(request, facts);
    auto least_open = least_left;
    open_loads_ = loads_;
    std::size_t filled = 0;
    auto any_closed = false; // does this round leave out the members of used domains?
    while (filled < picks.size()) {
      auto who = draw_least(open_loads_, least_open);
      if (who == no_slot && !any_closed)
        break;
      if (who == no_slot) {
        open_loads_ = loads_;
        least_open = least_left;
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
  static constexpr load none = std::numeric_limits<load>::max(); ///< not to be picked: all bits

  static constexpr auto requests_max = std::numeric_limits<std::int32_t>::max();

  /// Writes the loads. The loops have no branches and are simple, so that compilers measure several
  /// members at a time.
  /// @returns the least load
  load measure(const pick_request& request, const member_facts& facts) {
    auto size = loads_.size();
    auto* __restrict loads = loads_.data();
    auto* __restrict own = facts.in_flight.data();
    auto* __restrict reported = facts.reported_in_flight.data();
    auto* __restrict divisors = divisors_.data();
    for (std::size_t i = 0; i < size; ++i) {
      auto first = own[i], second = reported[i];
      auto more = static_cast<std::int32_t>(first > second ? first : second);
      auto requests = (more | more >> 31) & requests_max; // too many to be signed: the most
      auto measured = static_cast<float>(requests) / divisors[i];
      loads[i] = std::bit_cast<load>(measured);
    }
    auto* __restrict available = facts.available.data();
    auto* __restrict weightless = weightless_.data();
    for (std::size_t i = 0; i < size; ++i)
      loads[i] |= weightless[i] | (available[i] == 0 ? none : 0);
    for (auto who : request.tried)
      if (who < loads_.size())
        loads_[who] = none;
    return least_of(loads_);
  }

  static load least_of(const std::vector<load>& loads) {
    auto least = none;
    for (auto each : loads)
      least = each < least ? each : least;
    return least;
  }

  /// One of the members with the least load; `no_slot` if none is left.
  /// @param least at most the least of the loads; afterwards equal to it
  slot draw_least(const std::vector<load>& loads, load& least) {
    if (auto who = draw_tie(loads, least); who != no_slot)
      return who;
    least = least_of(loads);
    return draw_tie(loads, least);
  }

  /// One of the members with this load; `no_slot` if there is none.
  slot draw_tie(const std::vector<load>& loads, load wanted) {
    if (wanted == none)
      return no_slot;
    constexpr int draws_max = 8; // which suffice if there are many such members
    auto is_wanted = [&](slot candidate) { return loads[candidate] == wanted; };
    if (auto who = members_.try_draw(random_, draws_max, is_wanted); who != no_slot)
      return who;
    auto chosen = no_slot;
    double sum = 0;
    for (slot who = 0; who < loads.size(); ++who) {
      if (!is_wanted(who))
        continue;
      sum += members_.weight(who);
      if (chosen == no_slot || random_.unit() * sum < members_.weight(who))
        chosen = who;
    }
    return chosen;
  }

  random_source random_;
  atl::balancers::weighted_draw members_;
  atl::balancers::domain_table domains_;
  std::vector<float> divisors_;  ///< weights, or 1 for a weight of 0
  std::vector<load> weightless_; ///< `none` for a weight of 0, otherwise 0
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
