#include <atoll/spi/balancer.hpp>

#include <algorithm>

namespace {

using namespace atl::spi;

/// Picks the available member with the fewest requests in flight; of equal ones each with the same
/// probability. Replace this rule by yours.
class strategy final : public balancer {
 public:
  explicit strategy(const balancer_setup& setup)
      : counts_others_{setup.options.boolean("count_others")}, random_{setup.seed} {}

  /// Builds what a pick needs and what depends on the list of members alone. This strategy needs
  /// nothing.
  void update(std::span<const member>) override {}

  slot pick(const pick_request& request, const member_facts& facts) override {
    auto best = no_slot;
    std::uint64_t ties = 0;
    for (slot who = 0; who < facts.available.size(); ++who) {
      if (facts.available[who] == 0 || std::ranges::find(request.tried, who) != request.tried.end())
        continue;
      if (best == no_slot || load(who, facts) < load(best, facts))
        ties = 0;
      else if (load(who, facts) > load(best, facts))
        continue;
      if (random_.below(++ties) == 0)
        best = who;
    }
    return best;
  }

 private:
  std::uint32_t load(slot who, const member_facts& facts) const {
    auto own = facts.in_flight[who];
    return counts_others_ ? std::max(own, facts.reported_in_flight[who]) : own;
  }

  bool counts_others_;
  random_source random_;
};

constexpr claim claims[] = {{"spread", "domains"}};

constexpr option_spec declared[] = {
    {"count_others", option_type::boolean, "true", "", "",
     "Whether requests of other hosts count as well, as a member reported them last"},
};

} // namespace

ATOLL_PLUGIN(balancer, @NAME@, 0, 1, 0){
    .summary = "The available member with the fewest requests in flight",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new strategy{setup}; },
};
