#pragma once

#include <atoll/spi/timestamp.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace atl {

/// How many attempts a dispatcher may make beyond the first one of each request.
struct retry_budget_options {
  double share = 0.2;     ///< attempts earned by each request, from 0 to 1
  double per_second = 10; ///< attempts earned by each second, for times with few requests
  double burst = 100;     ///< attempts that can be saved up
};

/// A token bucket that bounds retries and hedges in relation to requests (as the retry budgets of
/// Finagle and Envoy). Without a budget a pool that is overloaded gets a multiple of its load in
/// retries, and stays overloaded. Pure; not thread-safe.
class retry_budget {
 public:
  explicit retry_budget(retry_budget_options options)
      : options_{options}, tokens_{std::min(options.per_second, options.burst)} {}

  void on_request() { tokens_ = std::min(tokens_ + options_.share, options_.burst); }

  bool has_token(spi::timestamp now) {
    earn(now);
    return tokens_ >= 1;
  }
  /// Whether there is an attempt for a hedge. A quarter of what can be saved up is kept for
  /// retries: a request that isn't hedged is slow, one that isn't retried fails.
  bool has_token_for_hedge(spi::timestamp now) {
    earn(now);
    return tokens_ >= 1 + std::floor(options_.burst / 4);
  }
  /// @returns false if the budget is spent, and then takes nothing.
  bool take(spi::timestamp now) {
    if (!has_token(now))
      return false;
    tokens_ -= 1;
    return true;
  }
  /// Attempts that may be made at once.
  double left(spi::timestamp now) const {
    auto later = *this;
    later.earn(now);
    return later.tokens_;
  }

 private:
  void earn(spi::timestamp now) {
    if (!has_started_) {
      has_started_ = true;
      since_ = now;
    }
    std::chrono::duration<double> passed = std::max(now - since_, spi::timestamp{0});
    since_ = std::max(now, since_);
    tokens_ = std::min(tokens_ + passed.count() * options_.per_second, options_.burst);
  }

  retry_budget_options options_;
  double tokens_;
  spi::timestamp since_{0};
  bool has_started_ = false;
};

} // namespace atl
