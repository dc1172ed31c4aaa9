#pragma once

#include "balancer_properties.hpp"
#include "recorder.hpp"

#include <atoll/spi/options.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace atl::verify {

/// A balancer plugin with certain options, what it claims, and the extent of the checks.
struct tested_balancer {
  properties::balancer_maker make;
  properties::balancer_traits traits;
  effort how;
  std::string shares, keys; ///< values of these claims; empty if not claimed
  bool smooth = false;
  bool avoids_slow = false;
  bool avoids_failing = false;
  std::optional<double> load_bound;     ///< value of the option that the claim names
  std::optional<std::int64_t> max_load; ///< the same

  /// Checks a property on one of each `part` seeds, but on at most `most`.
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
