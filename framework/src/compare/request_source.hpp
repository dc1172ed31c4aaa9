#pragma once

#include "random_draws.hpp"

#include <atoll/compare/workload.hpp>

#include <cstdint>
#include <optional>

namespace atl::compare {

/// A request that arrives.
struct new_request {
  std::uint64_t number = 0; ///< from 0
  double at = 0;            ///< microseconds since the start
  std::uint64_t key = 0;
  double work = 0;
  std::uint32_t host = 0; ///< that it arrives at
};

/// The requests of a workload, one after the other, drawn from a seed alone. Refers to the
/// workload.
class request_source {
 public:
  request_source(const workload& workload, std::uint64_t seed);

  /// The next request; none after the last.
  std::optional<new_request> next();

 private:
  double next_arrival();

  const workload& workload_;
  service_draw draw_work_;
  key_draw draw_key_;
  spi::random_source arrivals_;
  spi::random_source contents_;
  std::uint64_t number_ = 0;
  double now_ = 0;
  double burst_left_ = 0;
};

} // namespace atl::compare
