#pragma once

#include <atoll/compare/durability_model.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace atl::compare {

/// A node or a zone fails.
struct failure {
  double at = 0; ///< seconds since the run began
  bool is_zone = false;
  std::uint32_t which = 0; ///< node or zone
};

/// The failures of one run in order of time: of nodes and of zones, all independent of each other,
/// with exponential times. Each run of a seed has a history of its own, which doesn't depend on the
/// scheme.
class failure_history {
 public:
  /// Refers to the model. @param run from 0 on
  failure_history(const durability_model& model, std::uint64_t seed, std::uint64_t run);

  /// None: the run has ended.
  std::optional<failure> next();

 private:
  const durability_model& model_;
  spi::random_source random_;
  double now_ = 0;
};

/// The nodes that fail with it.
std::vector<std::uint32_t> failed_nodes(const durability_model& model, const failure& what);

} // namespace atl::compare
