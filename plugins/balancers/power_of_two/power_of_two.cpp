#include "../common/spread_balancer.hpp"
#include "../common/weighted_draw.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <array>

namespace {

using namespace atl::spi;

constexpr std::size_t choices_max = 16;

/// Draws a few different members, with probabilities in proportion to their weights, and picks the
/// one of them with the fewest requests in flight for its weight; of equal ones the first drawn.
class power_of_two final : public atl::balancers::spread_balancer<power_of_two> {
 public:
  explicit power_of_two(const balancer_setup& setup)
      : choices_{static_cast<std::size_t>(setup.options.integer("choices"))}, random_{setup.seed} {}

  void update_members(std::span<const member> members) { members_.update(members); }

  template <class Predicate>
  slot pick_among(const pick_request&, const member_facts& facts, Predicate&& may) {
    std::array<slot, choices_max> drawn{};
    auto best = no_slot;
    double least = 0;
    for (std::size_t count = 0; count < choices_; ++count) {
      auto who = members_.draw(random_, [&](slot candidate) {
        return std::find(drawn.begin(), drawn.begin() + count, candidate) ==
                   drawn.begin() + count &&
               may(candidate);
      });
      if (who == no_slot)
        break;
      drawn[count] = who;
      auto load = atl::balancers::requests_in_flight(facts, who) / members_.weight(who);
      if (best == no_slot || load < least) {
        best = who;
        least = load;
      }
    }
    return best;
  }

 private:
  std::size_t choices_;
  random_source random_;
  atl::balancers::weighted_draw members_;
};

constexpr claim claims[] = {{"max_load", "choices"}, {"spread", "domains"}};

constexpr option_spec declared[] = {
    {"choices", option_type::integer, "2", "2", "16", "How many members are drawn for a pick"},
};

} // namespace

ATOLL_PLUGIN(balancer, power_of_two, 1, 0, 0){
    .summary = "Of a few members drawn at random, the one with the fewest requests in flight",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new power_of_two{setup}; },
};
