#pragma once

#include <atoll/sim/linearizability.hpp>

#include <cstdint>
#include <vector>

namespace atl::sim {

/// An operation in the form that the search uses, and as recorded.
struct candidate {
  operation op;
  const operation* source = nullptr;
};

struct search_outcome {
  verdict what = verdict::linearizable;
  std::uint64_t steps = 0;
  const operation* stuck = nullptr; ///< the operation that no order could include, in the attempt
                                    ///< with the most placed operations
};

/// Searches for a linearization of one key's operations, none of which failed.
search_outcome search_order(std::vector<candidate> operations, std::uint64_t steps_max);

} // namespace atl::sim
