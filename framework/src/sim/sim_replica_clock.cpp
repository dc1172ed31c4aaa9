#include "sim_replica.hpp"
#include "simulator.hpp"

#include <algorithm>

/// The clocks of a simulated replica, which drift, jump and never agree with those of others.
namespace atl::sim {

std::int64_t sim_replica::local(std::int64_t at) const {
  auto since = at - clock_from_;
  return clock_base_ + since + since * clock_ppm_ / 1'000'000;
}

std::int64_t sim_replica::local_now() const {
  return local(simulator_.now());
}

std::int64_t sim_replica::global(std::int64_t local_time) const {
  // No run is as long as eleven days, and the product must not overflow.
  auto left = std::min<std::int64_t>(local_time - clock_base_, 1'000'000'000'000);
  auto at = clock_from_ + left * 1'000'000 / (1'000'000 + clock_ppm_);
  while (local(at) < clock_base_ + left)
    ++at;
  return at;
}

std::chrono::microseconds sim_replica::wall_clock() const {
  return std::chrono::microseconds{wall_clock_base_ + local_now()};
}

/// With faults of clocks, wall clocks are some seconds off, and a few are in the year 2100.
void sim_replica::draw_wall_clock() {
  constexpr std::int64_t begin = 1'700'000'000'000'000;
  constexpr std::int64_t year_2100 = 4'102'444'800'000'000;
  wall_clock_base_ = begin - clock_base_;
  if (!simulator_.rates().clock_jumps && simulator_.rates().drift_ppm == 0)
    return;
  auto random = simulator_.faults().stream(purpose::wall_clock, id_);
  wall_clock_base_ += random.between(-5'000'000, 5'000'000);
  if (random.chance(0.05))
    wall_clock_base_ += year_2100 - begin;
}

void sim_replica::drift(std::int64_t ppm) {
  clock_base_ = local_now();
  clock_from_ = simulator_.now();
  clock_ppm_ = ppm;
}

} // namespace atl::sim
