#include "../common/spread_balancer.hpp"
#include "../common/takes_requests.hpp"
#include "load_limit.hpp"
#include "ring_points.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <span>

namespace {

using namespace atl::spi;
using atl::balancers::load_limit;

/// Consistent hashing: a key goes to the member of the first point after the key's hash. With
/// bounded loads it goes on around the ring to the first member that isn't at its limit.
class ring final : public atl::balancers::spread_balancer<ring> {
 public:
  explicit ring(const balancer_setup& setup)
      : points_per_member_{setup.options.real("points")}, load_bound_{
                                                              setup.options.real("load_bound")} {}

  void update_members(std::span<const member> members) {
    points_.update(members, points_per_member_);
    on_ring_.update(members);
  }

  template <class Predicate>
  slot pick_among(const pick_request& request, const member_facts& facts, Predicate&& may) const {
    // The mean times the number of members is the sum: no member can exceed that.
    if (load_bound_ >= static_cast<double>(on_ring_.members()))
      return first_after(request.key, may);
    auto below = [&](auto limit) {
      return [&, limit](slot who) { return facts.in_flight[who] < limit && may(who); };
    };
    auto in_use = [&](slot who) { return on_ring_(who) && facts.available[who] != 0; };
    auto who = first_after(request.key, below(load_limit(facts, load_bound_, in_use)));
    if (who != no_slot)
      return who;
    // All below the limit were tried or picked already: the others share the request.
    auto remains = [&](slot each) { return on_ring_(each) && may(each); };
    return first_after(request.key, below(load_limit(facts, load_bound_, remains)));
  }

 private:
  /// The member of the first point after the key's hash for which `may(slot)` holds.
  template <class Predicate>
  slot first_after(std::uint64_t key, Predicate&& may) const {
    if (points_.size() == 0)
      return no_slot;
    auto index = points_.first_at(atl::balancers::mix(key));
    auto steps_before_check = std::min(points_.size(), on_ring_.members());
    for (std::size_t step = 0; step < steps_before_check; ++step, index = points_.after(index))
      if (auto who = points_.member_at(index); may(who))
        return who;
    if (!any_member(may))
      return no_slot;
    while (!may(points_.member_at(index)))
      index = points_.after(index);
    return points_.member_at(index);
  }

  /// Whether `may` holds for a member on the ring.
  template <class Predicate>
  bool any_member(Predicate&& may) const {
    for (slot who = 0; who < on_ring_.members(); ++who)
      if (on_ring_(who) && may(who))
        return true;
    return false;
  }

  double points_per_member_;
  double load_bound_;
  atl::balancers::ring_points points_;
  atl::balancers::takes_requests on_ring_;
};

constexpr claim claims[] = {
    {"spread", "domains"}, {"keys", "minimal"}, {"load_bound", "load_bound"}};

constexpr option_spec declared[] = {
    {"points", option_type::real, "160", "0.000000000000001", "1024",
     "Points on the ring of a member of weight 1; more points, more even shares"},
    {"load_bound", option_type::real, "1000000", "1", "1000000",
     "No member gets more than this times the mean of requests in flight; at least the number of "
     "members: no bound"},
};

} // namespace

ATOLL_PLUGIN(balancer, ring, 1, 0, 0){
    .summary = "Consistent hashing on a ring of points, with bounded loads if wanted",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new ring{setup}; },
};
