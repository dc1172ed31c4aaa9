#pragma once

#include <atoll/compare/availability.hpp>
#include <atoll/compare/closed_forms.hpp>
#include <atoll/compare/queueing.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace atl::compare {

/// Strategies under one workload, beside what theory says of it.
struct comparison {
  workload model;
  std::uint64_t seed = 0;
  std::vector<strategy_result> strategies;
  closed_forms_of_workload theory;
};

std::string to_text(const comparison& it);
/// docs/COMPARING.md says what is in it.
std::string to_json(const comparison& it);
/// Which share of the requests took longer than a time, as a line for each strategy, on logarithmic
/// axes: a self-contained SVG document.
std::string latency_chart(const comparison& it);

/// Protocols beside formulas, for a probability that a replica is down.
struct availability_comparison {
  double down = 0;
  std::uint64_t seed = 0;
  std::vector<measured_availability> measured; ///< a protocol with all sizes after the other
};

std::string to_text(const availability_comparison& it);
std::string to_json(const availability_comparison& it);

} // namespace atl::compare
