#include "allocation_meter.hpp"
#include "balancer_claim_checks.hpp"
#include "balancer_costs.hpp"
#include "balancer_keys.hpp"
#include "balancer_state.hpp"
#include "kits.hpp"
#include "member_lists.hpp"
#include "option_samples.hpp"
#include "other_process.hpp"
#include "tested_balancer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

/// Checks of every balancer (`atoll/spi/balancer.hpp`), and of its claims.
namespace atl::verify {

namespace {

using properties::balancer_driver;
using properties::balancer_maker;
using properties::finding;

std::uint64_t handles_empty_lists(const balancer_maker& make) {
  balancer_driver balancer{make(1)};
  auto picks_any = [&](const member_list& all) {
    balancer.use(all);
    return balancer.pick(0) != spi::no_slot || !balancer.pick_many(3, 0).empty();
  };
  if (picks_any({}))
    throw broken("it picks one of no members");
  if (picks_any(with_dead(equals(3), {0, 1, 2})))
    throw broken("it picks one of members that are all unavailable");
  if (picks_any({}))
    throw broken("it picks one of no members after all have left");
  return 3;
}

/// State about removed members must not prevent picks of the present ones.
std::uint64_t ignores_removed_members(const tested_balancer& it) {
  constexpr std::uint64_t updates_min = 50, updates_max = 500, picks = 40;
  balancer_driver balancer{it.make(1)};
  auto all = equals(3);
  auto work_max = it.work->seconds() + it.budget.seconds;
  std::uint64_t update = 0;
  for (; update < updates_max && (update < updates_min || it.work->seconds() < work_max);
       ++update) {
    for (auto& member : all)
      member.id += all.size();
    balancer.use(all);
    for (std::uint64_t call = 0; call < picks; ++call)
      if (balancer.pick(update + call) >= all.size())
        throw broken(fmt::format("it picks none of three new members after update {}", update + 1));
  }
  return update * picks;
}

/// Lists of hundreds, and several hundred picks of one call.
std::uint64_t picks_among_many(const tested_balancer& it) {
  return it.for_seeds(100, 20, [&](auto seed) -> finding {
    for (std::size_t size : {100, 1'000})
      if (auto wrong = properties::stays_right_under_change(it.make, it.traits, seed,
                                                            {30, size, size / 3, size}))
        return *wrong + ", with up to " + std::to_string(size) + " members";
    return std::nullopt;
  });
}

/// The samples that the plugin does not refuse, in random order: when only some can be checked in
/// full, those are of all options.
std::vector<option_sample> accepted_samples(const spi::descriptor& plugin, const spi::options& base,
                                            const effort& how) {
  spi::random_source random{how.first};
  auto samples = option_samples(plugin, base, random);
  std::erase_if(samples, [&](auto& sample) {
    return is_refused(sample, [&] { tested(plugin, sample.options, how).make(1); });
  });
  for (auto left = samples.size(); left > 1; --left)
    std::swap(samples[left - 1], samples[random.below(left)]);
  return samples;
}

/// All that holds with any options, and the claims, with one seed.
finding is_right_with_options(const tested_balancer& it, std::uint64_t seed) {
  constexpr std::uint64_t seeds_of_claims = 3;
  auto wrong = properties::stays_right_under_change(it.make, it.traits, seed);
  if (!wrong)
    wrong = properties::repeats_itself(it.make, seed);
  if (!wrong && seed < it.how.first + seeds_of_claims)
    wrong = breaks_a_claim(it, seed);
  return wrong;
}

/// Promises that hold with all declared options. A plugin may refuse options that contradict each
/// other. When the budget is used up, the samples that are left get a few calls each.
std::uint64_t holds_with_options(const spi::descriptor& plugin, const spi::options& base,
                                 const effort& how) {
  constexpr std::uint64_t full_samples_min = 4;
  constexpr properties::change_bounds few_calls{.rounds = 15};
  auto samples = accepted_samples(plugin, base, how);
  auto seconds_left = budget_of(how).seconds;
  std::uint64_t cases = 0, full_samples = 0;
  for (auto& sample : samples) {
    auto it = tested(plugin, sample.options, how);
    it.measure_costs();
    it.budget = {budget_of(how).seconds / static_cast<double>(samples.size()), 1};
    auto named = [&](const finding& wrong) {
      return wrong ? finding{fmt::format("{}, with {}", *wrong, sample.name)} : std::nullopt;
    };
    if (full_samples++ < full_samples_min || seconds_left > 0)
      cases +=
          it.for_seeds(20, 50, [&](auto seed) { return named(is_right_with_options(it, seed)); });
    else
      cases += it.for_seeds(20, 1, [&](auto seed) {
        return named(properties::stays_right_under_change(it.make, it.traits, seed, few_calls));
      });
    seconds_left -= it.work->seconds();
  }
  return cases;
}

/// What the first picks of this process and those of a second process were.
struct first_picks {
  std::uint64_t seeds;
  long began; ///< the clock's second
  std::string text;
};

constexpr auto outside =
    "it looks at a clock, a process id or addresses, or keeps something outside "
    "of its objects, such as in a static variable";

std::uint64_t repeats_in_other_process(const tested_balancer& it, const first_picks& first) {
  auto now = [&] { return balancer_state::picks_as_text(it.make, it.how.first, first.seeds); };
  wait_for_another_second(first.began);
  if (in_other_process(now) != first.text)
    throw broken(fmt::format("the same seed picks otherwise in another process, a second later: {}",
                             outside));
  return first.seeds;
}

std::uint64_t keeps_apart(const tested_balancer& it, const first_picks& first) {
  if (balancer_state::picks_in_turn(it.make, it.how.first, first.seeds) != first.text)
    throw broken(fmt::format("balancers that are alive at once pick otherwise than each did alone, "
                             "in another process: {}",
                             outside));
  return first.seeds;
}

void must(const finding& wrong) {
  if (wrong)
    throw broken("it " + *wrong);
}

void check_picks(const tested_balancer& it, recorder& out) {
  out.check("only usable members, each once, whatever joins, dies and comes back",
            it.traits.spreads ? "spread" : "", [&] {
              return it.for_seeds(1, it.how.seeds, [&](auto seed) {
                return properties::stays_right_under_change(it.make, it.traits, seed);
              });
            });
  out.check("probes of members only, and picks without their results", {}, [&] {
    return it.for_seeds(2, it.how.seeds, [&](auto seed) {
      return properties::probes_rightly(it.make, it.traits, seed);
    });
  });
  out.check("a pick among many takes time in proportion", {}, [&] {
    must(costs::picks_in_time(it.make));
    return std::uint64_t{1};
  });
  out.check("an update takes time in proportion", {}, [&] {
    must(costs::updates_in_time(it.make));
    return std::uint64_t{1};
  });
  out.check("only usable members, each once, among 100 and 1,000", {},
            [&] { return picks_among_many(it); });
  out.check("same seed, same picks", {}, [&] {
    return it.for_seeds(1, it.how.seeds,
                        [&](auto seed) { return properties::repeats_itself(it.make, seed); });
  });
}

void check_memory(const tested_balancer& it, recorder& out) {
  out.check("memory is bounded", {}, [&] {
    auto calls = std::clamp<std::uint64_t>(it.how.seeds << 13, 1 << 18, 1 << 20);
    must(costs::keeps_within_memory(it.make, calls));
    return calls;
  });
  constexpr auto no_allocation = "a pick allocates nothing";
  if (counts_allocations())
    out.check(no_allocation, {}, [&] {
      return it.for_seeds(
          100, 10, [&](auto seed) { return costs::picks_without_allocating(it.make, seed); });
    });
  else
    out.skip(no_allocation, "this program does not count allocations, as with a sanitizer");
}

} // namespace

std::uint64_t create_balancer(const spi::descriptor& plugin, const spi::options& options) {
  return must_be_created(plugin.create.balancer({options, 1}));
}

void verify_balancer(const spi::descriptor& plugin, const spi::options& options, recorder& out) {
  auto it = tested(plugin, options, out.how());
  first_picks first{0, std::time(nullptr), {}};
  out.check("nobody to pick from is no pick", {}, [&] { return handles_empty_lists(it.make); });
  out.check("a second process can make it", {}, [&] {
    it.measure_costs();
    first.seeds = std::stoull(
        in_other_process([&] { return std::to_string(balancer_state::seeds_in_budget(it)); }));
    first.text = in_other_process(
        [&] { return balancer_state::picks_as_text(it.make, it.how.first, first.seeds); });
    return first.seeds;
  });
  check_picks(it, out);
  if (!first.text.empty()) // otherwise the second process is broken, as was said
    out.check("two balancers at once share nothing", {}, [&] { return keeps_apart(it, first); });
  if (it.keys.empty())
    out.check("keys are ignored, or each is kept with a member", {}, [&] {
      return it.for_seeds(10, 50, [&](auto seed) { return keys::ignored_or_kept(it.make, seed); });
    });
  out.check("members that are new at every update are picked like any", {},
            [&] { return ignores_removed_members(it); });
  check_claims(it, out);
  out.check("options at their limits and in between", {},
            [&] { return holds_with_options(plugin, options, it.how); });
  check_memory(it, out);
  if (!first.text.empty())
    out.check("same seed, same picks in another process", {},
              [&] { return repeats_in_other_process(it, first); });
}

} // namespace atl::verify
