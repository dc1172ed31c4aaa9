#pragma once

#include "failure_history.hpp"
#include "simulated_places.hpp"

#include <atoll/sim/loss_window.hpp>

#include <span>
#include <vector>

namespace atl::compare {

/// The chunks that failures of one window touch, as units of the keeper's simulator. Chunks with
/// more fragments on nodes that fail than they survive may be lost; the others are bystanders,
/// which take up the rate of repairs. Of either kind a sample is taken if there are too many: each
/// unit of it stands for several chunks and is so much larger, so that repairs take as long.
class window_units {
 public:
  static constexpr std::size_t endangered_max = 2000;
  static constexpr std::size_t bystanders_max = 500;

  /// @param survives any losses of so many
  window_units(const simulated_places& places, std::uint32_t survives, std::uint64_t chunk_bytes);

  /// @returns false if no chunk may be lost
  bool choose(const durability_model& model, std::span<const failure> failures,
              spi::random_source random);

  const std::vector<sim::placed_unit>& units() const { return units_; }
  /// Chunks that a unit stands for.
  double weight(std::uint32_t unit) const {
    return unit < endangered_ ? endangered_weight_ : bystander_weight_;
  }

 private:
  double add(std::vector<std::uint32_t>& chunks, std::size_t most, spi::random_source& random);

  const simulated_places& places_;
  std::uint32_t survives_;
  std::uint64_t chunk_bytes_;
  std::vector<std::uint32_t> hits_;     ///< by chunk: fragments on nodes that fail; 0 between calls
  std::vector<sim::placed_unit> units_; ///< those that may be lost first
  std::size_t endangered_ = 0;
  double endangered_weight_ = 1;
  double bystander_weight_ = 1;
};

} // namespace atl::compare
