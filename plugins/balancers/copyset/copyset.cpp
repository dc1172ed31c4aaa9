#include "../common/takes_requests.hpp"
#include "permutations.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>

namespace {

using namespace atl::spi;

/// The order in which places of a permutation are visited: the set of the place `start` from
/// there on around, then the places after the set. Where the sets don't come out even, some have
/// a member more, of which `start` decides which is left out, so that all members get equally
/// many.
auto order_from(std::size_t start, std::size_t places, std::size_t picks) {
  auto sets = std::max<std::size_t>(1, places / picks);
  auto begin_of = [places, sets](std::size_t set) { return (set * places + sets - 1) / sets; };
  auto set = start * sets / places;
  auto begin = begin_of(set), size = begin_of(set + 1) - begin;
  return [=](std::size_t i) {
    return i < size ? begin + (start - begin + i) % size : (begin + i) % places;
  };
}

/// Cuts permutations of the members into sets as large as the number of picks asked for, and picks
/// all members of one set.
class copyset final : public balancer {
 public:
  explicit copyset(const balancer_setup& setup)
      : permutations_{static_cast<std::size_t>(setup.options.integer("scatter_width"))},
        random_{setup.seed} {}

  void update(std::span<const member> members) override {
    takes_requests_.update(members);
    permutations_.update(members);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return atl::balancers::draw_uniform(random_, takes_requests_.members(),
                                        takes_requests_.eligible_for(request, facts));
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    if (permutations_.size() == 0)
      return 0;
    if (picks.size() == 1) {
      picks[0] = pick(request, facts);
      return picks[0] == no_slot ? 0 : 1;
    }
    auto permutation = permutations_[random_.below(permutations_for(picks.size()))];
    auto order = order_from(random_.below(permutation.size()), permutation.size(), picks.size());
    return take_in_order(request, facts, picks,
                         [&](std::size_t i) { return permutation[order(i)]; });
  }

 private:
  /// As many permutations as the scatter width needs: each adds `picks` − 1 neighbours.
  std::size_t permutations_for(std::size_t picks) const {
    return std::max<std::size_t>(1, (permutations_.count() + picks - 2) / (picks - 1));
  }

  /// Takes members in an order that has each once, with a domain twice only when all were used.
  template <class MemberAt>
  std::size_t take_in_order(const pick_request& request, const member_facts& facts,
                            std::span<slot> picks, MemberAt&& member_at) const {
    auto may = takes_requests_.eligible_for(request, facts);
    std::size_t picked = 0;
    for (auto round_start = picked;; round_start = picked) {
      auto of_round = [&] { return picks.first(picked).subspan(round_start); };
      auto domain_is_used = [&](slot who) {
        auto used = of_round();
        return std::any_of(used.begin(), used.end(),
                           [&](slot other) { return facts.domain[other] == facts.domain[who]; });
      };
      auto is_picked = [&](slot who) {
        auto end = picks.begin() + static_cast<std::ptrdiff_t>(picked);
        return std::find(picks.begin(), end, who) != end;
      };
      for (std::size_t i = 0; i < permutations_.size() && picked < picks.size() &&
                              of_round().size() < permutations_.domains();
           ++i)
        if (auto who = member_at(i); may(who) && !is_picked(who) && !domain_is_used(who))
          picks[picked++] = who;
      if (picked == picks.size() || picked == round_start)
        return picked;
    }
  }

  atl::balancers::takes_requests takes_requests_;
  atl::balancers::permutations permutations_;
  random_source random_;
};

constexpr claim claims[] = {{"spread", "domains"}};

constexpr option_spec declared[] = {
    {"scatter_width", option_type::integer, "4", "1", "128",
     "How many others share data with a member; more rebuild faster, fewer lose data less often"},
};

} // namespace

ATOLL_PLUGIN(balancer, copyset, 1, 0, 0){
    .summary = "For placement: replicas on few different sets of members, so that loss is rare",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new copyset{setup}; },
};
