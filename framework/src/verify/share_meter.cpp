#include "share_meter.hpp"

#include "fair_shares.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace atl::verify::shares {

namespace {

/// How far chance may be off, in standard deviations: once in 500 million comparisons.
constexpr double deviations_max = 6;
/// Strategies that don't draw are off by a few picks, whatever the number of calls.
constexpr double picks_max = 4;
/// Chance leaves nobody without a pick who is due so many: once in 70 billion comparisons.
constexpr double never_empty = 25;
/// Drawing one after the other is worked out up to this size; the work grows with its power.
constexpr std::size_t drawn_size_max = 12;

/// χ² of so many degrees of freedom is beyond this as rarely (Wilson & Hilferty 1931).
double chi_squared_max(double freedom) {
  auto part = 2 / (9 * freedom);
  return freedom * std::pow(1 - part + deviations_max * std::sqrt(part), 3);
}

} // namespace

std::vector<due_share> due_shares(const properties::member_list& all, std::size_t count,
                                  const properties::balancer_traits& traits) {
  auto weights = all;
  if (!traits.weighted)
    for (auto& member : weights)
      member.weight = 1;
  auto fair = properties::fair_shares(weights, std::max<std::size_t>(count, 1));
  auto drawn =
      count > 1 && all.size() <= drawn_size_max ? properties::drawn_shares(weights, count) : fair;
  std::vector<due_share> due(all.size());
  for (std::size_t i = 0; i < due.size(); ++i)
    due[i] = {std::min(fair[i], drawn[i]), std::max(fair[i], drawn[i])};
  return due;
}

void share_meter::add_due(const std::vector<due_share>& due,
                          const std::vector<std::size_t>& number) {
  for (std::size_t i = 0; i < due.size(); ++i) {
    auto& gain = gains_[number[i]];
    gain.least += due[i].least;
    gain.most += due[i].most;
    auto widest = std::clamp(0.5, due[i].least, std::max(due[i].least, due[i].most));
    gain.variance += widest * (1 - widest);
  }
}

properties::finding share_meter::compare(const properties::member_list& all) const {
  for (std::size_t i = 0; i < gains_.size(); ++i) {
    auto& gain = gains_[i];
    auto picks = static_cast<double>(gain.picks);
    if (gain.picks == 0 && gain.least >= never_empty)
      return fmt::format("never picks member {} (number {} of {}), where {:.0f} picks are due",
                         all[i].id, i + 1, gains_.size(), gain.least);
    auto margin = deviations_max * std::sqrt(std::max(0.0, gain.variance)) + picks_max;
    if (picks >= gain.least - margin && picks <= gain.most + margin)
      continue;
    return fmt::format("gives member {} (weight {}) {} picks, where {:.0f} are due", all[i].id,
                       all[i].weight, gain.picks, (gain.least + gain.most) / 2);
  }
  return compare_all();
}

/// Small errors of many members add up. Only for single picks: several of one call depend on
/// each other.
properties::finding share_meter::compare_all() const {
  constexpr double enough_picks = 5;
  double sum = 0, freedom = -1;
  for (auto& gain : gains_) {
    if (gain.most - gain.least > 1e-6 * gain.most)
      return std::nullopt;
    if (gain.most < enough_picks)
      continue;
    auto error = static_cast<double>(gain.picks) - gain.most;
    sum += error * error / gain.most;
    ++freedom;
  }
  if (freedom < 1 || sum <= chi_squared_max(freedom))
    return std::nullopt;
  return fmt::format("gives out picks so unevenly that chance can't be the reason: χ² is {:.0f} "
                     "with {:.0f} degrees of freedom",
                     sum, freedom);
}

} // namespace atl::verify::shares
