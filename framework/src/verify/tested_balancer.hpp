#pragma once

#include "balancer_properties.hpp"
#include "balancer_work.hpp"
#include "recorder.hpp"

#include <atoll/spi/options.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace atl::verify {

/// Processor time that the plugin may take in one check.
struct work_budget {
  double seconds = 0;
  std::uint64_t seeds_min = 0; ///< these are checked however long they take
};

/// What a check of a balancer gets in a run with `how.seeds` seeds.
work_budget budget_of(const effort& how);

/// A balancer plugin with certain options, what it claims, and the extent of the checks.
struct tested_balancer {
  properties::balancer_maker make; ///< balancers whose calls are counted in `work`
  std::shared_ptr<balancer_work> work;
  work_budget budget;
  properties::balancer_traits traits;
  effort how;
  std::string shares, keys; ///< values of these claims; empty if not claimed
  bool smooth = false;
  bool avoids_slow = false;
  bool avoids_failing = false;
  /// Value of the option that the claim names; none if that is 0, which means that none is set.
  std::optional<double> load_bound;
  std::optional<std::int64_t> max_load; ///< the same

  /// Measures what its calls cost. Until then they count as free.
  void measure_costs();

  /// Checks a property on one of each `part` seeds, but on at most `most`; on fewer, down to the
  /// budget's minimum, when its budget is used up.
  /// @returns the number of seeds
  /// @throws broken if it does not hold
  std::uint64_t
  for_seeds(std::uint64_t part, std::uint64_t most,
            const std::function<properties::finding(std::uint64_t seed)>& holds) const;
};

/// @param plugin must live as long as the result
tested_balancer tested(const spi::descriptor& plugin, const spi::options& options,
                       const effort& how);

} // namespace atl::verify
