#include "../common/spread_picks.hpp"
#include "../common/takes_requests.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

using namespace atl::spi;

/// Of a few members drawn by capacity the one with the largest part of it free.
class least_used final : public balancer {
 public:
  explicit least_used(const balancer_setup& setup)
      : choices_{static_cast<std::size_t>(setup.options.integer("choices"))}, random_{setup.seed} {}

  void update(std::span<const member> members) override {
    takes_requests_.update(members);
    spread_.update(members);
    std::uint64_t largest = 0;
    for (auto& each : members)
      largest = std::max(largest, each.capacity);
    capacities_.clear();
    for (auto& each : members)
      capacities_.push_back(static_cast<double>(each.capacity > 0 ? each.capacity
                                                : largest > 0     ? largest
                                                                  : 1));
    shares_until_.clear();
    auto heaviest = greatest_weight(members);
    double sum = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (heaviest > 0)
        sum += members[i].weight / heaviest * capacities_[i];
      shares_until_.push_back(sum);
    }
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return spread_.pick(request, facts, [&](auto&& may) { return pick_among(facts, may); });
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return spread_.pick_many(request, facts, picks,
                             [&](auto&& may) { return pick_among(facts, may); });
  }

 private:
  /// Draws that may hit members that can't be picked.
  static constexpr std::size_t spare_draws = 8;

  /// A draw hits members of a weight above 0 alone.
  template <class Predicate>
  slot pick_among(const member_facts& facts, Predicate&& may) {
    auto best = no_slot;
    std::size_t candidates = 0;
    auto draws_max = choices_ + spare_draws;
    for (std::size_t draw = 0; draw < draws_max && candidates < choices_; ++draw) {
      auto who = draw_by_capacity();
      if (who == no_slot)
        return no_slot;
      if (who == best || !may(who))
        continue;
      ++candidates;
      if (best == no_slot || free_part(who, facts) > free_part(best, facts))
        best = who;
    }
    return best != no_slot ? best : emptiest(may, facts);
  }

  static double greatest_weight(std::span<const member> members) {
    double greatest = 0;
    for (auto& each : members)
      greatest = std::max(greatest, each.weight);
    return greatest;
  }

  /// A member with a probability in proportion to weight × capacity; `no_slot` if all weights are
  /// 0.
  slot draw_by_capacity() {
    if (shares_until_.empty() || shares_until_.back() <= 0)
      return no_slot;
    auto drawn = random_.unit() * shares_until_.back();
    auto found = std::upper_bound(shares_until_.begin(), shares_until_.end(), drawn);
    return static_cast<slot>(found - shares_until_.begin());
  }

  double free_part(slot who, const member_facts& facts) const {
    return static_cast<double>(facts.free_bytes[who]) / capacities_[who];
  }

  template <class Predicate>
  slot emptiest(Predicate&& may, const member_facts& facts) const {
    auto best = no_slot;
    for (slot who = 0; who < capacities_.size(); ++who)
      if (takes_requests_(who) && may(who) &&
          (best == no_slot || free_part(who, facts) > free_part(best, facts)))
        best = who;
    return best;
  }

  std::size_t choices_;
  atl::balancers::takes_requests takes_requests_;
  std::vector<double> capacities_;   ///< bytes; where not known, the largest that is
  std::vector<double> shares_until_; ///< sums of weight × capacity up to and with each slot
  atl::balancers::spread_picks spread_;
  random_source random_;
};

constexpr claim claims[] = {{"spread", "domains"}};

constexpr option_spec declared[] = {
    {"choices", option_type::integer, "2", "1", "64",
     "Members drawn for a pick; more fill a new member faster"},
};

} // namespace

ATOLL_PLUGIN(balancer, least_used, 1, 0, 0){
    .summary = "For placement: of two members drawn by capacity the emptier one",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new least_used{setup}; },
};
