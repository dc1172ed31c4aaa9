#include "growth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>

namespace atl::verify {

namespace {

constexpr int comparisons = 3;
constexpr double long_seconds = 1;
constexpr int runs = 5; ///< runs of the small size in a comparison; the large size has one run

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

} // namespace

double processor_seconds(const std::function<void()>& work) {
  auto began = thread_seconds();
  work();
  return thread_seconds() - began;
}

std::optional<std::string> grows_too_fast(const growth_limit& limit, std::size_t repeats,
                                          const std::function<void(std::size_t size)>& work) {
  auto large = std::numeric_limits<double>::max();
  double factor = 0;
  for (int comparison = 0; comparison < comparisons; ++comparison) {
    auto small = std::numeric_limits<double>::max();
    for (int run = 0; run < runs; ++run)
      small = std::min(small, processor_seconds([&] {
                                for (std::size_t i = 0; i < repeats; ++i)
                                  work(limit.small);
                              }) / static_cast<double>(repeats));
    large = std::min(large, processor_seconds([&] { work(limit.large); }));
    factor = large / std::max(small, 1e-9);
    if (factor <= limit.factor_max)
      return std::nullopt;
    if (large > long_seconds)
      break; // other load can't explain that, and another comparison takes as long
  }
  return fmt::format("takes {:.0f} times as long for {} as for {}: {:.3f} s of processor time, "
                     "where n log n would be about {:.0f} times",
                     factor, limit.large, limit.small, large,
                     static_cast<double>(limit.large) / static_cast<double>(limit.small) * 1.5);
}

} // namespace atl::verify
