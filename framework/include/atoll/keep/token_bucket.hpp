#pragma once

#include <atoll/spi/timestamp.hpp>

#include <algorithm>
#include <cstdint>

namespace atl::keep {

/// Bounds a rate of bytes. Bytes may be taken as long as the bucket isn't in debt, and taking more
/// than there is makes a debt, so that no size is too large; over any time no more than
/// `rate` × time + one piece + the burst is taken.
class token_bucket {
 public:
  /// @param rate bytes a second; 0: no bound
  void set_rate(std::uint64_t rate, spi::timestamp now) {
    refill(now);
    rate_ = static_cast<double>(rate);
    level_ = std::min(level_, burst());
  }

  bool is_open(spi::timestamp now) {
    refill(now);
    return rate_ == 0 || level_ >= 0;
  }
  bool is_bounded() const { return rate_ > 0; }

  void take(std::uint64_t bytes, spi::timestamp now) {
    refill(now);
    if (rate_ > 0)
      level_ -= static_cast<double>(bytes);
  }

  /// When the bucket is open again; in the past if it is open.
  spi::timestamp opens_at() const {
    if (rate_ == 0 || level_ >= 0)
      return last_;
    return last_ + spi::timestamp{static_cast<std::int64_t>(-level_ / rate_ * 1e6) + 1};
  }

 private:
  /// What an idle bucket gathers: so that a host that calls seldom gets the full rate.
  double burst() const { return rate_ / 20; }

  void refill(spi::timestamp now) {
    if (now > last_)
      level_ = std::min(burst(), level_ + rate_ * static_cast<double>((now - last_).count()) / 1e6);
    last_ = std::max(last_, now);
  }

  double rate_ = 0;
  double level_ = 0;
  spi::timestamp last_{0};
};

} // namespace atl::keep
