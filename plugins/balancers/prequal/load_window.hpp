#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace atl::balancers {

/// The distribution of the loads that the last probes reported. Not thread-safe.
class load_window {
 public:
  void add(std::uint32_t load) {
    auto end = sorted_.begin() + static_cast<std::ptrdiff_t>(size_);
    if (size_ == window) {
      auto oldest = std::lower_bound(sorted_.begin(), end, loads_[next_]);
      std::copy(oldest + 1, end, oldest);
      --end;
      --size_;
    }
    auto place = std::upper_bound(sorted_.begin(), end, load);
    std::copy_backward(place, end, end + 1);
    *place = load;
    ++size_;
    loads_[next_] = load;
    next_ = (next_ + 1) % window;
  }

  /// The load that the given share of the reports doesn't exceed; 0 if there is no report.
  /// @param share from 0 to 1
  std::uint32_t quantile(double share) const {
    if (size_ == 0)
      return 0;
    auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(size_)));
    return sorted_[std::max<std::size_t>(rank, 1) - 1];
  }

 private:
  static constexpr std::size_t window = 128;

  std::array<std::uint32_t, window> loads_{};  ///< the last reports, around `next_`
  std::array<std::uint32_t, window> sorted_{}; ///< the same in order
  std::size_t size_ = 0;
  std::size_t next_ = 0;
};

} // namespace atl::balancers
