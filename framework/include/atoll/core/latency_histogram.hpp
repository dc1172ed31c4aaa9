#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace atl {

/// The distribution of recent latencies, in buckets whose width is an eighth of a power of two, so
/// that a quantile is at most 12.5 % too large. Old samples lose half of their weight each
/// `samples_max` samples. Takes 2 KiB. Pure; not thread-safe.
class latency_histogram {
 public:
  static constexpr std::uint32_t samples_max = 8192;
  /// With fewer samples, a quantile isn't known.
  static constexpr std::uint32_t samples_min = 100;

  void add(std::chrono::microseconds latency) {
    ++buckets_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0)))];
    if (++samples_ >= samples_max)
      age();
  }

  /// @param part from 0 to 1 @returns an upper bound of the quantile; 0: not known.
  std::chrono::microseconds quantile(double part) const {
    if (samples_ < samples_min)
      return std::chrono::microseconds{0};
    auto rank = static_cast<std::uint32_t>(part * samples_);
    std::uint32_t seen = 0;
    std::size_t which = 0;
    for (; which + 1 < buckets_.size(); ++which)
      if (seen += buckets_[which]; seen > rank)
        break;
    return std::chrono::microseconds{static_cast<std::int64_t>(upper_bound_of(which))};
  }

 private:
  static constexpr unsigned parts_log2 = 3;
  static constexpr std::uint64_t parts = 1 << parts_log2;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < parts)
      return value;
    auto shift = static_cast<unsigned>(std::bit_width(value)) - parts_log2 - 1;
    return std::min((shift + 1) * parts + ((value >> shift) - parts), buckets - 1);
  }
  static std::uint64_t upper_bound_of(std::size_t bucket) {
    if (bucket < parts)
      return bucket + 1;
    auto shift = bucket / parts - 1;
    return (bucket % parts + parts + 1) << shift;
  }
  void age() {
    samples_ = 0;
    for (auto& count : buckets_)
      samples_ += count /= 2;
  }

  static constexpr std::uint64_t buckets = 42 * parts; // up to 2^44 us
  std::array<std::uint32_t, buckets> buckets_{};
  std::uint32_t samples_ = 0;
};

} // namespace atl
