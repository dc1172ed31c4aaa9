#include "smooth_shares.hpp"

#include "fair_shares.hpp"
#include "member_lists.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>

namespace atl::verify::shares {

namespace {

/// Picks by which a member may be off its share: one or two.
constexpr double off_max = 2.001;

constexpr std::size_t changes = 12;
constexpr std::size_t picks_each = 400; ///< after each change
constexpr std::size_t reorder_every = 50;

} // namespace

properties::finding stay_smooth(const properties::balancer_maker& make,
                                const properties::balancer_traits& traits, std::uint64_t seed) {
  spi::random_source random{seed};
  properties::balancer_driver balancer{make(random.next())};
  for (std::size_t change = 0; change < changes; ++change) {
    auto all = random_members(random, 2 + random.below(7), 0, false);
    auto weighing = all;
    if (!traits.weighted)
      for (auto& member : weighing)
        member.weight = 1;
    auto shares = properties::fair_shares(weighing, 1);
    std::map<std::uint64_t, double> share, off;
    for (std::size_t i = 0; i < all.size(); ++i)
      share[all[i].id] = shares[i];
    for (std::size_t call = 1; call <= picks_each; ++call) {
      if (call % reorder_every == 0)
        shuffle(all, random);
      draw_facts(random, all, false);
      balancer.use(all);
      auto picked = balancer.pick(random.next());
      for (auto& [id, part] : share)
        off[id] -= part;
      if (picked < all.size())
        off[all[picked].id] += 1;
      for (auto& [id, picks] : off)
        if (share[id] > 0 && std::abs(picks) > off_max)
          return fmt::format("has given member {} {:.1f} picks {} than its share, {} picks after "
                             "the last change",
                             id, std::abs(picks), picks > 0 ? "more" : "fewer", call);
    }
  }
  return std::nullopt;
}

} // namespace atl::verify::shares
