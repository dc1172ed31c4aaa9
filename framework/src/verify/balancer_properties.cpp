#include "balancer_properties.hpp"

#include "balancer_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace atl::properties {

namespace {

/// Which members of a list a request may go to, and which it must be able to go to.
class choice {
 public:
  choice(const member_list& all, const balancer_traits& traits, tried_slots tried)
      : all_{all}, traits_{traits}, tried_{tried} {}

  bool may(spi::slot who) const { return who < all_.size() && !objection(who); }

  /// Weight 0 may mean that a member gets nothing.
  bool must(spi::slot who) const {
    return may(who) && (all_[who].weight > 0 || !(traits_.weighted || traits_.may_skip_weightless));
  }

  /// Why a request may not go there; nothing if it may.
  finding objection(spi::slot who) const {
    if (who >= all_.size())
      return fmt::format("picked slot {} of {}", who, all_.size());
    if (!all_[who].available)
      return fmt::format("picked member {}, which is unavailable", all_[who].id);
    if (std::find(tried_.begin(), tried_.end(), who) != tried_.end())
      return fmt::format("picked member {}, which was tried", all_[who].id);
    return std::nullopt;
  }

  slot_list all_that(bool (choice::*predicate)(spi::slot) const) const {
    slot_list found;
    for (spi::slot who = 0; who < all_.size(); ++who)
      if ((this->*predicate)(who))
        found.push_back(who);
    return found;
  }

 private:
  const member_list& all_;
  const balancer_traits& traits_;
  tried_slots tried_;
};

} // namespace

finding picks_rightly(balancer_driver& balancer, const member_list& all,
                      const balancer_traits& traits, std::uint64_t key, tried_slots tried) {
  balancer.use(all);
  choice allowed{all, traits, tried};
  auto picked = balancer.pick(key, tried);
  auto due = allowed.all_that(&choice::must);
  if (picked == spi::no_slot)
    return due.empty() ? std::nullopt
                       : finding{fmt::format("picked none, though member {} is available",
                                             all[due.front()].id)};
  if (auto objection = allowed.objection(picked))
    return objection;
  if (traits.weighted && all[picked].weight == 0 && !due.empty())
    return fmt::format("picked member {}, which has no weight, though member {} has", //
                       all[picked].id, all[due.front()].id);
  return std::nullopt;
}

finding picks_many_rightly(balancer_driver& balancer, const member_list& all, std::size_t count,
                           const balancer_traits& traits, std::uint64_t key, tried_slots tried) {
  balancer.use(all);
  choice allowed{all, traits, tried};
  auto picks = balancer.pick_many(count, key, tried);
  auto possible = allowed.all_that(&choice::may).size();
  auto due = allowed.all_that(&choice::must);
  if (picks.size() > possible || picks.size() < std::min(count, due.size()))
    return fmt::format("picked {} of {} members when asked for {}", picks.size(), possible, count);
  std::set<std::uint32_t> unused; // domains of those that must be picked
  for (auto who : due)
    unused.insert(all[who].domain);
  std::set<spi::slot> seen;
  std::set<std::uint32_t> used;
  for (auto who : picks) {
    if (auto objection = allowed.objection(who))
      return objection;
    if (!seen.insert(who).second)
      return fmt::format("picked member {} twice in one call", all[who].id);
    if (traits.weighted && all[who].weight == 0 && !unused.empty())
      return fmt::format("picked member {}, which has no weight, though others have", all[who].id);
    auto is_new = used.insert(all[who].domain).second;
    unused.erase(all[who].domain);
    if (traits.spreads && !is_new && !unused.empty())
      return fmt::format("picked domain {} again while another was unused", all[who].domain);
  }
  return std::nullopt;
}

finding stays_right_under_change(const balancer_maker& make, const balancer_traits& traits,
                                 std::uint64_t seed, const change_bounds& bounds) {
  spi::random_source random{seed};
  balancer_driver balancer{make(random.next())};
  balancer_script script{random, {bounds.size_max, bounds.domains_max}};
  for (std::size_t round = 0; round < bounds.rounds; ++round) {
    script.change();
    auto& all = script.members();
    auto tried = script.draw_tried();
    auto key = random.next();
    auto wrong = random.chance(0.5)
                     ? picks_rightly(balancer, all, traits, key, tried)
                     : picks_many_rightly(balancer, all, 1 + random.below(bounds.count_max), traits,
                                          key, tried);
    if (wrong)
      return fmt::format("{} in round {}", *wrong, round);
    script.report_to({&balancer});
  }
  return std::nullopt;
}

finding probes_rightly(const balancer_maker& make, const balancer_traits& traits,
                       std::uint64_t seed) {
  constexpr std::size_t rounds = 60;
  spi::random_source random{seed};
  balancer_driver balancer{make(random.next())};
  balancer_script script{random, {}};
  auto answered = static_cast<double>(random.below(3)) / 2; // none of them, half, or all
  for (std::size_t round = 0; round < rounds; ++round) {
    script.change();
    if (auto wrong = picks_rightly(balancer, script.members(), traits, random.next()))
      return fmt::format("{} in round {}, when {:.0f} % of its probes are answered", *wrong, round,
                         100 * answered);
    for (auto who : balancer.wanted_probes(random.below(4))) {
      if (who >= balancer.size())
        return fmt::format("wants a probe of slot {} of {}", who, balancer.size());
      if (random.chance(answered))
        script.answer_probe(balancer, who);
    }
  }
  return std::nullopt;
}

finding repeats_itself(const balancer_maker& make, std::uint64_t seed, std::size_t rounds) {
  spi::random_source random{seed};
  auto start = random.next();
  balancer_driver first{make(start)}, second{make(start)};
  balancer_script script{random, {10, 4}};
  for (std::size_t round = 0; round < rounds; ++round) {
    script.change();
    auto tried = script.draw_tried();
    auto key = random.next();
    auto count = 1 + random.below(4);
    for (auto* each : {&first, &second})
      each->use(script.members());
    if (first.pick(key, tried) != second.pick(key, tried) ||
        first.pick_many(count, key, tried) != second.pick_many(count, key, tried) ||
        first.wanted_probes(3) != second.wanted_probes(3))
      return fmt::format("answers differently from its twin in round {}", round);
    script.report_to({&first, &second});
  }
  return std::nullopt;
}

} // namespace atl::properties
