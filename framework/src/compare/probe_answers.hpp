#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace atl::compare {

/// What a member knows of its own latency, as in Prequal (Wydrowski et al., NSDI 2024): it keeps
/// the last requests, and for each the number of requests that were in flight when it arrived. It
/// answers a probe with the median latency of the requests that arrived at about the present number
/// in flight. Each latency is scaled to the present number, because
/// a member that was busy and is idle now would otherwise keep the latency of its busy time, and
/// get no request that could correct it.
class probe_answers {
 public:
  void add(std::uint32_t met, double latency) { kept_[added_++ % kept_.size()] = {met, latency}; }

  /// 0 before any request has ended.
  std::chrono::microseconds estimate(std::uint32_t in_flight) const {
    constexpr std::size_t used_max = 25; // a median of few is mostly noise, which all hosts follow
    auto known = std::min(added_, kept_.size());
    if (known == 0)
      return std::chrono::microseconds{0};
    auto near = kept_;
    auto distance = [&](const sample& it) {
      return it.met > in_flight ? it.met - in_flight : in_flight - it.met;
    };
    std::stable_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(known),
                     [&](auto& a, auto& b) { return distance(a) < distance(b); });
    auto used = std::min(known, used_max);
    auto middle = near.begin() + static_cast<std::ptrdiff_t>(used / 2);
    auto scaled = [&](const sample& it) { return it.latency * (in_flight + 1.0) / (it.met + 1.0); };
    std::nth_element(near.begin(), middle, near.begin() + static_cast<std::ptrdiff_t>(used),
                     [&](auto& a, auto& b) { return scaled(a) < scaled(b); });
    return std::chrono::microseconds{static_cast<std::int64_t>(scaled(*middle))};
  }

 private:
  struct sample {
    std::uint32_t met = 0; ///< requests at the member when the request came, without it
    double latency = 0;
  };

  std::array<sample, 128> kept_;
  std::size_t added_ = 0;
};

} // namespace atl::compare
