#pragma once

#include "domains.hpp"
#include "eligible.hpp"

#include <atoll/spi/balancer.hpp>

#include <cstddef>
#include <span>

namespace atl::balancers {

/// `pick` and `pick_many` of strategies that can pick among the members for which a predicate
/// holds. `pick_many` gives the same picks as the default of the interface, without its walks over
/// all members. Not thread-safe; allocates in `update` only.
class spread_picks {
 public:
  void update(std::span<const spi::member> members) {
    domains_.update(members);
    used_domains_.resize(domains_.size());
    picked_.resize(members.size());
    tried_.resize(members.size());
  }

  /// @param pick_among `pick_among(may)` picks one of the members for which `may(slot)` holds;
  ///        `no_slot` if there is none
  template <class PickAmong>
  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts,
                 PickAmong&& pick_among) {
    return pick_among(eligible{request, facts, tried_});
  }

  /// As `balancer::pick_many`.
  template <class PickAmong>
  std::size_t pick_many(const spi::pick_request& request, const spi::member_facts& facts,
                        std::span<spi::slot> picks, PickAmong&& pick_among) {
    eligible available{request, facts, tried_};
    picked_.clear();
    used_domains_.clear();
    std::size_t used = 0; // domains
    std::size_t filled = 0;
    while (filled < picks.size()) {
      auto who = spi::no_slot;
      if (used < domains_.size())
        who = pick_among([&](spi::slot candidate) {
          return available(candidate) && !picked_.contains(candidate) &&
                 !used_domains_.contains(domains_.of(candidate));
        });
      if (who == spi::no_slot && used == 0)
        break;
      if (who == spi::no_slot) {
        used_domains_.clear();
        used = 0;
        continue;
      }
      picks[filled++] = who;
      picked_.insert(who);
      used_domains_.insert(domains_.of(who));
      ++used;
    }
    return filled;
  }

 private:
  domain_table domains_;
  mark_set used_domains_, picked_, tried_;
};

} // namespace atl::balancers
