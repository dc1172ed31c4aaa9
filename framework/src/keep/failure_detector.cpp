#include "failure_detector.hpp"

#include <algorithm>
#include <cmath>

namespace atl::keep {

namespace {

/// The weight of a new pause in the averages.
constexpr double gain = 1.0 / 32;
/// Pauses are taken to vary at least that much, so that one late heartbeat of a node that is as
/// regular as a clock arouses no suspicion.
constexpr double deviation_us_min = 150'000;

/// -log10 of the probability that a normally distributed value exceeds its mean by `deviations`
/// standard deviations (logistic approximation: Bowling et al. 2009).
double minus_log10_of_tail(double deviations) {
  auto exponent = deviations * (1.5976 + 0.070566 * deviations * deviations);
  if (exponent > 30)
    return exponent / std::log(10.0);
  return std::log10(1 + std::exp(exponent));
}

} // namespace

void failure_detector::on_heartbeat(spi::timestamp now) {
  if (has_heard_) {
    auto pause = static_cast<double>((now - last_).count());
    auto difference = pause - mean_us_;
    mean_us_ += gain * difference;
    variance_us2_ = (1 - gain) * (variance_us2_ + gain * difference * difference);
  }
  has_heard_ = true;
  last_ = now;
}

double failure_detector::phi(spi::timestamp now) const {
  if (!has_heard_)
    return 0;
  auto silent = static_cast<double>((now - last_).count());
  auto deviation = std::max(std::sqrt(variance_us2_), deviation_us_min);
  return minus_log10_of_tail((silent - mean_us_) / deviation);
}

} // namespace atl::keep
