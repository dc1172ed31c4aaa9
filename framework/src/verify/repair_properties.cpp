#include "recovery_properties.hpp"

#include <algorithm>
#include <iterator>
#include <set>

/// Properties of `judge` and `plan`.
namespace atl::properties {

void damage(fragment_model& model, const spi::recovery& scheme, spi::random_source& random,
            std::size_t chunks) {
  using state = spi::fragment_state;
  constexpr state states[] = {state::ok, state::missing, state::corrupt, state::unreachable};
  for (std::size_t i = 0; i < chunks; ++i) {
    auto chunk = model.add_healthy_chunk();
    auto rate = random.unit();
    auto& all = model.fragments(chunk);
    for (auto one = all.begin(); one != all.end();) {
      if (random.chance(rate))
        one->second = states[random.below(std::size(states))];
      one = random.chance(rate / 6) ? all.erase(one) : std::next(one);
    }
    while (random.chance(0.3))
      model.add_surplus(chunk, static_cast<std::uint32_t>(random.below(scheme.layout().total)),
                        states[random.below(std::size(states))]);
  }
}

namespace {

std::string name_of(std::uint64_t chunk) {
  return "chunk " + std::to_string(chunk);
}

bool makes_fragment(const spi::repair_step& step) {
  return step.action == spi::repair_action::copy || step.action == spi::repair_action::rebuild;
}

std::set<std::uint64_t> lost_chunks(const fragment_model& model) {
  std::set<std::uint64_t> lost;
  for (auto& report : model.reports())
    if (!model.decodable(report.chunk))
      lost.insert(report.chunk);
  return lost;
}

/// Why a chunk is not healthy; empty: it is.
std::string describe_flaw(const spi::chunk_report& report, const fragment_model& model) {
  auto copies = model.good_copies(report.chunk);
  for (std::size_t i = 0; i < copies.size(); ++i)
    if (copies[i] != 1)
      return copies[i] == 0 ? "a fragment is gone" : "a fragment is there more than once";
  for (auto& one : report.fragments)
    if (one.state == spi::fragment_state::corrupt)
      return "a damaged fragment is there";
  return {};
}

finding judges_chunk_rightly(const spi::verdict& verdict, const spi::chunk_report& report,
                             const fragment_model& model) {
  auto name = name_of(report.chunk);
  auto decodable = model.decodable(report.chunk);
  if ((verdict.health == spi::chunk_health::lost) == decodable)
    return "is wrong about whether " + name + " is lost";
  if (auto flaw = describe_flaw(report, model);
      verdict.health == spi::chunk_health::healthy && !flaw.empty())
    return "calls " + name + " healthy, and " + flaw;
  auto spare = model.spare(report.chunk);
  if (!decodable || !spare)
    return std::nullopt;
  if (verdict.spare != *spare)
    return "says that " + name + " can lose " + std::to_string(verdict.spare) +
           " fragments, and it can lose " + std::to_string(*spare);
  if (verdict.health == spi::chunk_health::degraded && *spare == 0)
    return "calls " + name + " degraded, and the next loss loses it";
  if (verdict.health == spi::chunk_health::critical && *spare > 0)
    return "calls " + name + " critical, and it isn't";
  return std::nullopt;
}

} // namespace

finding judges_rightly(const spi::recovery& scheme, const fragment_model& model) {
  for (auto& report : model.reports())
    if (auto wrong = judges_chunk_rightly(scheme.judge(report), report, model))
      return wrong;
  return std::nullopt;
}

finding plans_by_danger(const spi::recovery& scheme, fragment_model model) {
  std::uint32_t last = 0;
  for (auto& step : scheme.plan(model.reports())) {
    if (auto danger = model.knows(step.chunk) && makes_fragment(step) ? model.spare(step.chunk)
                                                                      : std::nullopt) {
      if (*danger < last)
        return "mends a chunk that can lose " + std::to_string(*danger) +
               " fragments after one that can lose " + std::to_string(last);
      last = *danger;
    }
    if (auto wrong = model.apply(step))
      return wrong;
  }
  return std::nullopt;
}

finding plans_until_healthy(const spi::recovery& scheme, fragment_model model,
                            std::size_t rounds_max) {
  auto lost = lost_chunks(model);
  for (std::size_t round = 0;; ++round) {
    auto steps = scheme.plan(model.reports());
    if (steps.empty())
      break;
    if (round == rounds_max)
      return "still has something to mend after " + std::to_string(rounds_max) + " plans";
    for (auto& step : steps) {
      if (lost.contains(step.chunk) && step.action != spi::repair_action::verify)
        return "changes something about a chunk that is lost";
      if (model.knows(step.chunk) && makes_fragment(step)) {
        auto copies = model.good_copies(step.chunk);
        if (step.fragment < copies.size() && copies[step.fragment] > 0)
          return "makes fragment " + std::to_string(step.fragment) + " of " + name_of(step.chunk) +
                 ", which is there already";
      }
      if (auto wrong = model.apply(step))
        return wrong;
    }
  }
  for (auto& report : model.reports()) {
    auto healthy = scheme.judge(report).health == spi::chunk_health::healthy;
    auto is_lost = lost.contains(report.chunk);
    if (healthy == is_lost)
      return "leaves " + name_of(report.chunk) + (healthy ? " revived" : " unhealthy");
    if (auto flaw = describe_flaw(report, model); !is_lost && !flaw.empty())
      return "leaves " + name_of(report.chunk) + " in a state in which " + flaw;
  }
  return std::nullopt;
}

finding plans_without_risk(const spi::recovery& scheme, fragment_model model,
                           spi::random_source& random) {
  auto lost = lost_chunks(model);
  for (auto& step : scheme.plan(model.reports())) {
    if (random.chance(0.5))
      continue;
    if (auto wrong = model.apply(step))
      return wrong;
    if (!lost.contains(step.chunk) && !model.decodable(step.chunk))
      return "loses " + name_of(step.chunk) + " when a step before fails";
  }
  return std::nullopt;
}

} // namespace atl::properties
