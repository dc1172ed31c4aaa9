#include "sim_network.hpp"

#include <algorithm>

namespace atl::sim {

sim_network::sim_network(std::uint32_t replicas, const fault_schedule& faults)
    : replicas_{replicas}, cut_(std::size_t{replicas} * replicas), clogged_(cut_.size()) {
  for (std::uint32_t from = 1; from <= replicas; ++from)
    for (std::uint32_t to = 1; to <= replicas; ++to)
      chances_.push_back({faults.rng(purpose::link, (std::uint64_t{from} << 32) | to),
                          faults.point(fault_kind::loss, from, to),
                          faults.point(fault_kind::duplication, from, to),
                          faults.point(fault_kind::replays, from, to)});
}

sim_network::arrivals sim_network::send(std::uint32_t from, std::uint32_t to, std::int64_t now,
                                        const fault_rates& rates, fault_schedule& faults) {
  arrivals out;
  auto& chances = chances_[link(from, to)];
  auto arrival = [&](double x) {
    // Mostly short delays, sometimes long ones: the square of a uniform number.
    auto at = now + rates.delay_min +
              static_cast<std::int64_t>(x * x * static_cast<double>(rates.delay_jitter));
    return std::max(at, clogged_[link(from, to)]);
  };
  if (is_cut(from, to)) {
    // Draws also for a message that is cut off, so that later messages are unaffected.
    for (auto* rng :
         {&chances.delays, &chances.loss.rng, &chances.duplication.rng, &chances.replays.rng})
      rng->skip();
    return out;
  }
  auto x = chances.delays.draw_next();
  auto lost = faults.should_inject(chances.loss, rates.loss, now);
  auto twice = faults.should_inject(chances.duplication, rates.duplication, now);
  auto again = faults.should_inject(chances.replays, rates.replay, now);
  if (!lost)
    out.at[out.count++] = arrival(x);
  if (twice)
    out.at[out.count++] = arrival(twice->unit());
  if (again)
    out.at[out.count++] = arrival(again->unit()) + again->between(100'000, 6'000'000);
  return out;
}

void sim_network::heal() {
  std::fill(cut_.begin(), cut_.end(), 0);
  std::fill(clogged_.begin(), clogged_.end(), 0);
}

template <class May>
void sim_network::allow(May may) {
  for (std::uint32_t from = 1; from <= replicas_; ++from)
    for (std::uint32_t to = 1; to <= replicas_; ++to)
      cut(from, to, from != to && !may(from, to));
}

const char* sim_network::partition(spi::random_source& random) {
  auto n = replicas_;
  auto chosen = static_cast<std::uint32_t>(1 + random.below(n));
  auto sides = random.next();
  auto side = [sides](std::uint32_t id) { return (sides >> (id % 64)) & 1; };
  switch (random.below(6)) {
  case 0:
    allow([&](auto a, auto b) { return side(a) == side(b); });
    return "halves";
  case 1:
    allow([&](auto a, auto b) { return a != chosen && b != chosen; });
    return "one alone";
  case 2:
    allow([&](auto a, auto b) { return a % n + 1 == b || b % n + 1 == a; });
    return "ring";
  case 3:
    allow([&](auto a, auto b) { return a == chosen || b == chosen || side(a) == side(b); });
    return "bridge";
  case 4:
    allow([&](auto a, auto) { return a != chosen; });
    return "one cannot send";
  default:
    allow([&](auto, auto b) { return b != chosen; });
    return "one cannot receive";
  }
}

} // namespace atl::sim
