#include "../common/spread_balancer.hpp"
#include "../common/weighted_draw.hpp"
#include "../common/weights.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <vector>

namespace {

using namespace atl::spi;

/// Of a few members drawn by capacity the one with the largest part of it free.
class least_used final : public atl::balancers::spread_balancer<least_used> {
 public:
  explicit least_used(const balancer_setup& setup)
      : choices_{static_cast<std::size_t>(setup.options.integer("choices"))}, random_{setup.seed} {}

  void update_members(std::span<const member> members) {
    std::uint64_t largest = 0;
    for (auto& each : members)
      largest = std::max(largest, each.capacity);
    capacities_.clear();
    for (auto& each : members)
      capacities_.push_back(static_cast<double>(each.capacity > 0 ? each.capacity
                                                : largest > 0     ? largest
                                                                  : 1));
    std::vector<double> weights;
    atl::balancers::normalize_weights(members, weights);
    std::vector<member> by_capacity{members.begin(), members.end()};
    for (std::size_t i = 0; i < members.size(); ++i)
      by_capacity[i].weight = weights[i] * capacities_[i];
    members_.update(by_capacity);
  }

  template <class Predicate>
  slot pick_among(const pick_request&, const member_facts& facts, Predicate&& may) {
    auto best = no_slot;
    std::size_t candidates = 0;
    auto draws_max = choices_ + spare_draws;
    for (std::size_t draw = 0; draw < draws_max && candidates < choices_; ++draw) {
      auto who =
          members_.try_draw(random_, 1, [&](slot drawn) { return drawn != best && may(drawn); });
      if (who == no_slot)
        continue;
      ++candidates;
      if (best == no_slot || free_part(who, facts) > free_part(best, facts))
        best = who;
    }
    return best != no_slot ? best : emptiest(may, facts);
  }

 private:
  /// Draws that may hit members that can't be picked.
  static constexpr std::size_t spare_draws = 8;

  double free_part(slot who, const member_facts& facts) const {
    return static_cast<double>(facts.free_bytes[who]) / capacities_[who];
  }

  template <class Predicate>
  slot emptiest(Predicate&& may, const member_facts& facts) const {
    auto best = no_slot;
    for (slot who = 0; who < capacities_.size(); ++who)
      if (members_.weight(who) > 0 && may(who) &&
          (best == no_slot || free_part(who, facts) > free_part(best, facts)))
        best = who;
    return best;
  }

  std::size_t choices_;
  atl::balancers::weighted_draw members_; ///< by weight × capacity
  std::vector<double> capacities_;        ///< bytes; where not known, the largest that is
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
