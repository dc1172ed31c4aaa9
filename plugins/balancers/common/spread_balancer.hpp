#pragma once

#include "domains.hpp"
#include "eligible.hpp"

#include <atoll/spi/balancer.hpp>

#include <cstddef>
#include <span>

namespace atl::balancers {

/// A strategy that can pick among the members for which a predicate holds: a class derived from
/// `spread_balancer<itself>` with two public functions. `update_members(members)` is `update`;
/// `pick_among(request, facts, may)` picks one of the members for which `may(slot)` holds, or
/// `no_slot` if there is none. `pick_many` calls that as often as it has places to fill, as the
/// default of the interface calls `pick`, but without walks over all members. Allocates in `update`
/// only.
template <class Strategy>
class spread_balancer : public spi::balancer {
 public:
  void update(std::span<const spi::member> members) final {
    domains_.update(members);
    used_domains_.resize(domains_.size());
    picked_.resize(members.size());
    tried_.resize(members.size());
    strategy().update_members(members);
  }

  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) final {
    return strategy().pick_among(request, facts, eligible{request, facts, tried_});
  }

  std::size_t pick_many(const spi::pick_request& request, const spi::member_facts& facts,
                        std::span<spi::slot> picks) final {
    eligible available{request, facts, tried_};
    picked_.clear();
    used_domains_.clear();
    std::size_t used = 0; // domains
    std::size_t filled = 0;
    while (filled < picks.size()) {
      auto who = spi::no_slot;
      if (used < domains_.size())
        who = strategy().pick_among(request, facts, [&](spi::slot candidate) {
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
  Strategy& strategy() { return static_cast<Strategy&>(*this); }

  domain_table domains_;
  mark_set used_domains_, picked_, tried_;
};

} // namespace atl::balancers
