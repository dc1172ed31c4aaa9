#pragma once

#include <atoll/sim/linearizability.hpp>

#include <cstdint>
#include <vector>

namespace atl::sim {

/// An operation in the form that the search uses, and as recorded.
struct candidate {
  operation it;
  const operation* source = nullptr;
};

struct search_outcome {
  verdict what = verdict::linearizable;
  std::uint64_t steps = 0;
  const operation* stuck = nullptr; ///< what no order got past, in the attempt that came furthest
};

/// Searches for a linearization of one key's operations, none of which failed.
search_outcome search_order(std::vector<candidate> operations, std::uint64_t max_steps);

} // namespace atl::sim
