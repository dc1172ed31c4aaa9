#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace atl::verify {

/// How much longer work takes on a larger input, in processor time of this thread.
struct growth_limit {
  std::size_t small = 0;
  std::size_t large = 0;
  double factor_max = 0; ///< that is still taken for growth no worse than n log n
};

/// Times `work(size)` at both sizes, and says so if the large one takes more than `factor_max`
/// times as long. The least of several runs counts, and one good comparison of a few is enough, so
/// that other work on the machine doesn't matter.
/// @param repeats how often one measurement of the small size calls `work`, for work that is short.
std::optional<std::string> grows_too_fast(const growth_limit& limit, std::size_t repeats,
                                          const std::function<void(std::size_t size)>& work);

} // namespace atl::verify
