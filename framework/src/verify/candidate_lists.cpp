#include "candidate_lists.hpp"

#include <chrono>

namespace atl::verify {

properties::candidates group(const std::vector<double>& weights, const std::string& domains) {
  properties::candidates made(weights.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].id = i + 1;
    made[i].weight = weights[i];
    if (i < domains.size())
      made[i].domain = domains[i];
  }
  return made;
}

properties::candidates loaded(properties::candidates all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].free_bytes = std::uint64_t{1} << (40 - 5 * i);
    all[i].in_flight = static_cast<std::uint32_t>(10 * i);
    all[i].latency = std::chrono::milliseconds{1 + 20 * i};
  }
  return all;
}

properties::candidates with_wide_ids(properties::candidates all) {
  for (auto& one : all)
    one.id <<= 32;
  return all;
}

properties::candidates with_dead(properties::candidates all,
                                 std::initializer_list<std::size_t> dead) {
  for (auto i : dead)
    all[i].healthy = false;
  return all;
}

properties::candidates only(const properties::candidates& all,
                            std::initializer_list<std::size_t> members) {
  properties::candidates some;
  for (auto i : members)
    some.push_back(all[i]);
  return some;
}

} // namespace atl::verify
