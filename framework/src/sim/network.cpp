#include "network.hpp"

#include <algorithm>

namespace atl::sim {

namespace {

/// With probability zero no number is drawn: a quiet world is a fast one.
bool happens(spi::random_source& random, double probability) {
  return probability > 0 && random.chance(probability);
}

} // namespace

network::arrivals network::send(std::uint32_t from, std::uint32_t to, std::int64_t now,
                                const fault_mix& mix, spi::random_source& random) const {
  arrivals out;
  if (is_cut(from, to))
    return out;
  auto arrival = [&] {
    auto at = now + mix.delay_min;
    if (mix.delay_jitter > 0) {
      // Most are quick, some take long: the square of a uniform number.
      auto x = random.unit();
      at += static_cast<std::int64_t>(x * x * static_cast<double>(mix.delay_jitter));
    }
    return std::max(at, clogged_[link(from, to)]);
  };
  if (!happens(random, mix.loss))
    out.at[out.count++] = arrival();
  if (happens(random, mix.duplication))
    out.at[out.count++] = arrival();
  if (happens(random, mix.replay))
    out.at[out.count++] = arrival() + random.between(100'000, 6'000'000);
  return out;
}

void network::heal() {
  std::fill(cut_.begin(), cut_.end(), 0);
  std::fill(clogged_.begin(), clogged_.end(), 0);
}

template <class May>
void network::allow(May may) {
  for (std::uint32_t from = 1; from <= replicas_; ++from)
    for (std::uint32_t to = 1; to <= replicas_; ++to)
      cut(from, to, from != to && !may(from, to));
}

const char* network::partition(spi::random_source& random) {
  auto n = replicas_;
  auto one = static_cast<std::uint32_t>(1 + random.below(n));
  auto sides = random.next();
  auto side = [sides](std::uint32_t id) { return (sides >> (id % 64)) & 1; };
  switch (random.below(6)) {
  case 0:
    allow([&](auto a, auto b) { return side(a) == side(b); });
    return "halves";
  case 1:
    allow([&](auto a, auto b) { return a != one && b != one; });
    return "one alone";
  case 2:
    allow([&](auto a, auto b) { return a % n + 1 == b || b % n + 1 == a; });
    return "ring";
  case 3:
    allow([&](auto a, auto b) { return a == one || b == one || side(a) == side(b); });
    return "bridge";
  case 4:
    allow([&](auto a, auto) { return a != one; });
    return "one hears and isn't heard";
  default:
    allow([&](auto, auto b) { return b != one; });
    return "one is heard and hears nothing";
  }
}

} // namespace atl::sim
