#include "balancer_properties.hpp"
#include "balancer_shares.hpp"
#include "balancer_state.hpp"
#include "kits.hpp"
#include "option_samples.hpp"
#include "other_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

/// Checks of every balancer (`atoll/spi/balancer.hpp`), and of its claims.
namespace atl::verify {

namespace {

using properties::balancer_maker;
using properties::balancer_traits;
using properties::finding;

/// A balancer plugin with its options, and the extent of the checks.
struct plugin_under_test {
  balancer_maker make;
  balancer_traits traits;
  bool claims_shares;
  effort how;

  /// Checks a property on one of each `part` seeds, but on at most `most`.
  std::uint64_t for_seeds(std::uint64_t part, std::uint64_t most,
                          const std::function<finding(std::uint64_t)>& holds) const {
    auto seeds = std::clamp<std::uint64_t>(how.seeds / part, 1, most);
    for (auto seed = how.first; seed < how.first + seeds; ++seed)
      if (auto wrong = holds(seed))
        throw broken(fmt::format("seed {}: it {}", seed, *wrong));
    return seeds;
  }
};

std::uint64_t handles_empty_lists(const balancer_maker& make) {
  auto balancer = make(1);
  properties::candidates dead(3), alive(2);
  for (auto& one : dead)
    one.healthy = false;
  if (balancer->pick({}, 0) || !balancer->pick_many({}, 3, 0).empty())
    throw broken("it picks one of no candidates");
  if (balancer->pick(dead, 0) || !balancer->pick_many(dead, 3, 0).empty())
    throw broken("it picks one of candidates that are all dead");
  if (!balancer->pick_many(alive, 0, 0).empty())
    throw broken("asked for no candidates it picks some");
  return 5;
}

/// State about removed candidates must not prevent picks of the present ones.
std::uint64_t ignores_removed_candidates(const balancer_maker& make) {
  constexpr std::uint64_t calls = 20'000;
  auto balancer = make(1);
  properties::candidates all(3);
  for (std::uint64_t call = 0; call < calls; ++call) {
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i].id = 1 + call * all.size() + i;
    if (!balancer->pick(all, call))
      throw broken(fmt::format("it picks none of three new candidates in call {}", call));
  }
  return calls;
}

/// Lists of hundreds, and several hundred picks of one call.
std::uint64_t picks_among_many(const plugin_under_test& it) {
  return it.for_seeds(100, 20, [&](auto seed) -> finding {
    for (std::size_t size : {100, 1'000})
      if (auto wrong = properties::stays_right_under_change(it.make, it.traits, seed,
                                                            {30, size, size / 3, size}))
        return *wrong + ", with up to " + std::to_string(size) + " candidates";
    return std::nullopt;
  });
}

void try_shares(const plugin_under_test& it, recorder& out) {
  if (!it.claims_shares)
    return out.skip("shares over many picks", "it claims no shares");
  using check = finding (*)(const balancer_maker&, const balancer_traits&, std::uint64_t);
  constexpr std::pair<const char*, check> checks[] = {
      {"shares over many picks", shares::over_many_picks},
      {"shares with one of four dead", shares::with_one_dead},
      {"shares after weights change", shares::after_other_weights},
      {"shares after candidates die and come back", shares::after_deaths},
      {"shares after candidates join and leave", shares::after_joins},
      {"shares whatever the order of the list", shares::in_any_order},
      {"shares when each call lists others", shares::of_changing_halves},
      {"shares once requests that failed succeed again", shares::after_failures},
  };
  for (auto& [property, holds] : checks)
    out.check(property, "shares", [&, holds = holds] {
      return it.for_seeds(20, 12, [&](auto seed) { return holds(it.make, it.traits, seed); });
    });
  out.check("shares among 100 and 1,000 candidates", "shares", [&] {
    return it.for_seeds(500, 2, [&](auto seed) -> finding {
      for (std::size_t size : {100, 1'000})
        if (auto wrong = shares::of_many(it.make, it.traits, size, seed))
          return *wrong + ", of " + std::to_string(size) + " candidates";
      return std::nullopt;
    });
  });
}

/// Promises that hold with all declared options. A plugin may refuse options that contradict each
/// other.
std::uint64_t holds_with_options(const spi::descriptor& plugin, const plugin_under_test& it,
                                 const spi::options& base) {
  spi::random_source random{it.how.first};
  std::uint64_t cases = 0;
  for (auto& sample : option_samples(plugin, base, random)) {
    auto varied = it;
    varied.make = [&](std::uint64_t seed) {
      return std::unique_ptr<spi::balancer>{plugin.create.balancer({sample.options, seed})};
    };
    if (is_refused(sample, [&] { varied.make(1); }))
      continue;
    cases += varied.for_seeds(20, 50, [&](auto seed) -> finding {
      auto wrong = properties::stays_right_under_change(varied.make, varied.traits, seed);
      if (!wrong)
        wrong = properties::repeats_itself(varied.make, seed);
      if (!wrong && varied.claims_shares && seed < varied.how.first + 3)
        wrong = shares::over_many_picks(varied.make, varied.traits, seed);
      return wrong ? finding{fmt::format("{}, with {}", *wrong, sample.name)} : std::nullopt;
    });
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

std::uint64_t repeats_in_other_process(const plugin_under_test& it, const first_picks& first) {
  auto now = [&] { return balancer_state::picks_as_text(it.make, it.how.first, first.seeds); };
  wait_for_another_second(first.began);
  if (in_other_process(now) != first.text)
    throw broken(fmt::format("the same seed picks otherwise in another process, a second later: {}",
                             outside));
  return first.seeds;
}

std::uint64_t keeps_apart(const plugin_under_test& it, const first_picks& first) {
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

} // namespace

std::uint64_t create_balancer(const spi::descriptor& plugin, const spi::options& options) {
  return must_be_created(plugin.create.balancer({options, 1}));
}

void verify_balancer(const spi::descriptor& plugin, const spi::options& options, recorder& out) {
  auto claimed = claim_of(plugin, "shares");
  plugin_under_test it{
      [&](std::uint64_t seed) {
        return std::unique_ptr<spi::balancer>{plugin.create.balancer({options, seed})};
      },
      {claimed == "weighted", claim_of(plugin, "spread") == "domains", claimed.empty()},
      !claimed.empty(),
      out.how()};
  first_picks first{std::min<std::uint64_t>(it.how.seeds, 50), std::time(nullptr), {}};

  out.check("nobody to pick from is no pick", {}, [&] { return handles_empty_lists(it.make); });
  out.check("a second process can make it", {}, [&] {
    first.text = in_other_process(
        [&] { return balancer_state::picks_as_text(it.make, it.how.first, first.seeds); });
    return first.seeds;
  });
  out.check("only usable candidates, each once, whatever joins, dies and comes back",
            it.traits.spreads ? "spread" : "", [&] {
              return it.for_seeds(1, it.how.seeds, [&](auto seed) {
                return properties::stays_right_under_change(it.make, it.traits, seed);
              });
            });
  out.check("a pick among many takes time in proportion", {}, [&] {
    must(balancer_state::picks_in_time(it.make));
    return std::uint64_t{1};
  });
  out.check("only usable candidates, each once, among 100 and 1,000", {},
            [&] { return picks_among_many(it); });
  out.check("same seed, same picks", {}, [&] {
    return it.for_seeds(1, it.how.seeds,
                        [&](auto seed) { return properties::repeats_itself(it.make, seed); });
  });
  if (!first.text.empty()) // otherwise the second process is broken, as was said
    out.check("two balancers at once share nothing", {}, [&] { return keeps_apart(it, first); });
  out.check("keys are ignored, or each is kept with a node", {}, [&] {
    return it.for_seeds(10, 50,
                        [&](auto seed) { return balancer_state::keeps_keys(it.make, seed); });
  });
  out.check("candidates that are new at every call are picked like any", {},
            [&] { return ignores_removed_candidates(it.make); });
  try_shares(it, out);
  out.check("options at their limits and in between", {},
            [&] { return holds_with_options(plugin, it, options); });
  out.check("memory is bounded", {}, [&] {
    auto calls = std::clamp<std::uint64_t>(it.how.seeds << 13, 1 << 18, 1 << 20);
    must(balancer_state::keeps_within_memory(it.make, calls));
    return calls;
  });
  if (!first.text.empty())
    out.check("same seed, same picks in another process", {},
              [&] { return repeats_in_other_process(it, first); });
}

} // namespace atl::verify
