#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace atl::verify {

/// Input sizes to compare, and the limit of how much longer the large one may take, in processor
/// time of this thread.
struct growth_limit {
  std::size_t small = 0;
  std::size_t large = 0;
  double factor_max = 0; ///< greatest factor that counts as n log n growth
};

/// Processor time that this thread spends on the work.
double processor_seconds(const std::function<void()>& work);

/// Measures `work(size)` at both sizes. @returns a sentence if the large size takes more than
/// `factor_max` times as long. The minimum of several runs counts, and one good comparison of a few
/// suffices, so other load on the machine does not matter.
/// @param repeats number of calls of `work` in one measurement of the small size, for work that is
/// short.
std::optional<std::string> grows_too_fast(const growth_limit& limit, std::size_t repeats,
                                          const std::function<void(std::size_t size)>& work);

} // namespace atl::verify
